"""Ways from a process that reads the file to one that never did, and sends."""

import ctypes
import mmap
import os
import pty
import signal
import socket
import subprocess
import tty

from evade import LIBC, between, call, child, fixture, main, path, read, send, tmp, wait

BYTES = 4096


def server(kind, address, family=socket.AF_INET):
    """A socket of the child, bound before it is forked."""
    bound = socket.socket(family, kind)
    bound.bind(address)
    if kind != socket.SOCK_DGRAM:
        bound.listen()
    return bound


def accepted(bound):
    connection, _ = bound.accept()
    data = b""
    while piece := connection.recv(BYTES):
        data += piece
    return data


def dialled(kind, family=socket.AF_INET):
    def give(bound, data):
        with socket.socket(family, kind) as stream:
            stream.connect(bound.getsockname())
            stream.sendall(data)

    return give


def answered(bound):
    """A child asks for it, and is answered on its own connection."""

    def ask():
        with socket.socket(bound.family) as stream:
            stream.connect(bound.getsockname())
            stream.sendall(b"give")
            send(stream.recv(BYTES))

    pid = child(ask)
    connection, _ = bound.accept()
    connection.recv(4)
    connection.sendall(read())
    wait(pid)


@fixture("B36", "a pipe")
def pipe():
    between(os.pipe, lambda at, data: os.write(at[1], data), lambda at: os.read(at[0], BYTES))


@fixture("B36", "a named pipe")
def named_pipe():
    def make():
        os.mkfifo(tmp("fifo"))
        return tmp("fifo")

    def give(at, data):
        with open(at, "wb") as into:
            into.write(data)

    between(make, give, read)


@fixture("B36", "a file")
def file():
    wait(child(lambda: open(tmp("copy"), "wb").write(read())))
    send(read(tmp("copy")))


@fixture("B36", "a file that is renamed and linked")
def file_renamed():
    def copy():
        open(tmp("copy"), "wb").write(read())
        os.rename(tmp("copy"), tmp("renamed"))
        os.link(tmp("renamed"), tmp("linked"))
        os.unlink(tmp("renamed"))

    wait(child(copy))
    send(read(tmp("linked")))


@fixture("B36", "a file that was opened before, and is read after it was deleted")
def file_deleted():
    fd = os.open(tmp("copy"), os.O_RDWR | os.O_CREAT)
    wait(child(lambda: os.write(fd, read())))
    os.unlink(tmp("copy"))
    send(os.pread(fd, BYTES, 0))


@fixture("B36", "an archive (tar)")
def archive():
    directory, leaf = os.path.split(path())
    subprocess.run(["tar", "-C", directory, "-cf", tmp("a.tar"), leaf], check=True)
    send(read(tmp("a.tar")))


@fixture("B36", "a compressed file (gzip)")
def compressed():
    with open(tmp("a.gz"), "wb") as to:
        subprocess.run(["gzip", "-1", "-c", path()], stdout=to, check=True)
    subprocess.run(["gzip", "-d", tmp("a.gz")], check=True)
    send(read(tmp("a")))


@fixture("B36", "an encoded file (base64), decoded by who sends")
def encoded():
    with open(tmp("a.b64"), "wb") as to:
        subprocess.run(["base64", path()], stdout=to, check=True)
    send(subprocess.run(["base64", "-d", tmp("a.b64")], stdout=subprocess.PIPE, check=True).stdout)


@fixture("B36", "a pair of unix sockets (stream)")
def unix_pair():
    between(socket.socketpair, lambda at, data: at[0].sendall(data), lambda at: at[1].recv(BYTES))


@fixture("B36", "a pair of unix sockets (datagram), sendmsg and recvmsg")
def unix_pair_datagram():
    make = lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    between(make, lambda at, data: at[0].sendmsg([data]), lambda at: at[1].recvmsg(BYTES)[0])


@fixture("B36", "a pair of unix sockets (seqpacket), write and readv")
def unix_pair_packets():
    def take(at):
        into = bytearray(BYTES)
        return bytes(into[: os.readv(at[1].fileno(), [into])])

    make = lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    between(make, lambda at, data: os.write(at[0].fileno(), data), take)


@fixture("B36", "a unix socket that listens (stream)")
def unix_stream():
    make = lambda: server(socket.SOCK_STREAM, tmp("socket"), socket.AF_UNIX)
    between(make, dialled(socket.SOCK_STREAM, socket.AF_UNIX), accepted)


@fixture("B36", "a unix socket that listens, sent before it accepts")
def unix_stream_early():
    def act():
        bound = server(socket.SOCK_STREAM, tmp("socket"), socket.AF_UNIX)
        go = os.pipe()

        def later():
            os.read(go[0], 1)
            send(accepted(bound))

        pid = child(later)
        dialled(socket.SOCK_STREAM, socket.AF_UNIX)(bound, read())
        os.write(go[1], b"x")
        wait(pid)

    act()


@fixture("B36", "a unix socket that listens, answered by who holds")
def unix_stream_back():
    answered(server(socket.SOCK_STREAM, tmp("socket"), socket.AF_UNIX))


@fixture("B36", "a unix socket without a file (abstract)")
def unix_abstract():
    make = lambda: server(socket.SOCK_STREAM, f"\0{tmp('x')}", socket.AF_UNIX)
    between(make, dialled(socket.SOCK_STREAM, socket.AF_UNIX), accepted)


@fixture("B36", "a unix socket for datagrams, sent to by its name")
def unix_datagram():
    def give(bound, data):
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(data, tmp("socket"))

    make = lambda: server(socket.SOCK_DGRAM, tmp("socket"), socket.AF_UNIX)
    between(make, give, lambda bound: bound.recv(BYTES))


@fixture("B36", "loopback TCP")
def loopback_tcp():
    between(lambda: server(socket.SOCK_STREAM, ("127.0.0.1", 0)), dialled(socket.SOCK_STREAM), accepted)


@fixture("B36", "loopback TCP, IPv6")
def loopback_tcp6():
    make = lambda: server(socket.SOCK_STREAM, ("::1", 0), socket.AF_INET6)
    between(make, dialled(socket.SOCK_STREAM, socket.AF_INET6), accepted)


@fixture("B36", "TCP over the machine's own address")
def own_address_tcp():
    host = socket.create_connection((os.environ["SINK"].rsplit(":", 1)[0], int(os.environ["SINK"].rsplit(":", 1)[1])))
    own = host.getsockname()[0]
    host.close()
    between(lambda: server(socket.SOCK_STREAM, (own, 0)), dialled(socket.SOCK_STREAM), accepted)


@fixture("B36", "loopback TCP, fetched from who holds")
def loopback_tcp_back():
    answered(server(socket.SOCK_STREAM, ("127.0.0.1", 0)))


@fixture("B36", "loopback UDP")
def loopback_udp():
    make = lambda: server(socket.SOCK_DGRAM, ("127.0.0.1", 0))
    between(make, dialled(socket.SOCK_DGRAM), lambda bound: bound.recv(BYTES))


@fixture("B36", "loopback UDP, sendto and recvmsg")
def loopback_udp_sendto():
    def give(bound, data):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(data, bound.getsockname())

    make = lambda: server(socket.SOCK_DGRAM, ("127.0.0.1", 0))
    between(make, give, lambda bound: bound.recvmsg(BYTES)[0])


@fixture("B36", "a pseudo-terminal")
def terminal():
    def make():
        at = pty.openpty()
        tty.setraw(at[1])
        return at

    def take(at):
        os.close(at[1])
        data = b""
        while b"\n" not in data[-1:]:
            data += os.read(at[0], BYTES)
        return data

    between(make, lambda at, data: os.write(at[1], data.rstrip(b"\n") + b"\n"), take)


def shared(make):
    """By memory that both have mapped before."""
    memory = make()

    def give(_, data):
        memory[1 : 1 + len(data)] = data
        memory[0:1] = b"!"

    def take(_):
        while memory[0:1] != b"!":
            pass
        return bytes(memory[1:]).rstrip(b"\0")

    between(lambda: None, give, take)


def mapped(fd):
    os.ftruncate(fd, BYTES)
    return mmap.mmap(fd, BYTES)


@fixture("B36", "memory that is shared by a fork")
def memory_anonymous():
    shared(lambda: mmap.mmap(-1, BYTES))


@fixture("B36", "a file that both have mapped (MAP_SHARED)")
def memory_file():
    shared(lambda: mapped(os.open(tmp("shared"), os.O_RDWR | os.O_CREAT)))


@fixture("B36", "POSIX shared memory, mapped by each on its own")
def memory_posix():
    name = "/dev/shm/" + os.path.basename(os.path.dirname(tmp(""))) + str(os.getpid())
    os.close(os.open(name, os.O_RDWR | os.O_CREAT))

    def own():
        return mapped(os.open(name, os.O_RDWR))

    def take():
        memory = own()
        while memory[0:1] != b"!":
            pass
        send(bytes(memory[1:]).rstrip(b"\0"))

    pid = child(take)
    memory, data = own(), read()
    memory[1 : 1 + len(data)] = data
    memory[0:1] = b"!"
    wait(pid)
    os.unlink(name)


@fixture("B36", "a file in memory (memfd) that both have mapped")
def memory_memfd():
    shared(lambda: mapped(os.memfd_create("x")))


@fixture("B36", "what a file of another's carries, read into memory that is shared by a fork")
def memory_filled_from_file():
    memory = mmap.mmap(-1, BYTES)
    carrier = os.open(tmp("carrier"), os.O_RDWR | os.O_CREAT)

    def take():
        while memory[0:1] == b"\0":
            pass
        send(bytes(memory).rstrip(b"\0"))

    taker = child(take)
    reader = os.open(tmp("carrier"), os.O_RDONLY)
    wait(child(lambda: os.write(carrier, read())))
    size = os.fstat(reader).st_size
    os.preadv(reader, [memoryview(memory)[1:size]], 1)
    os.preadv(reader, [memoryview(memory)[:1]], 0)
    wait(taker)


@fixture("B36", "System V shared memory")
def memory_system_v():
    LIBC.shmat.restype = ctypes.c_void_p
    identity = LIBC.shmget(0, BYTES, 0o1600)

    def at():
        return ctypes.cast(LIBC.shmat(identity, None, 0), ctypes.POINTER(ctypes.c_char * BYTES)).contents

    def take():
        memory = at()
        while memory[0] != b"!":
            pass
        send(bytes(memory)[1:].rstrip(b"\0"))

    pid = child(take)
    data, memory = read(), at()
    memory[1 : 1 + len(data)] = data
    memory[0] = b"!"
    wait(pid)
    LIBC.shmctl(identity, 0, None)


@fixture("B36", "a System V message queue")
def queue_system_v():
    class Message(ctypes.Structure):
        _fields_ = [("kind", ctypes.c_long), ("text", ctypes.c_char * BYTES)]

    identity = LIBC.msgget(0, 0o1600)

    def take(_):
        message = Message()
        length = LIBC.msgrcv(identity, ctypes.byref(message), BYTES, 0, 0)
        return bytes(message)[8 : 8 + length]

    between(lambda: None, lambda _, data: LIBC.msgsnd(identity, ctypes.byref(Message(1, data)), len(data), 0), take)
    LIBC.msgctl(identity, 0, None)


@fixture("B36", "a POSIX message queue")
def queue_posix():
    name = ctypes.c_char_p(b"detector-%d" % os.getpid())
    O_CREAT, O_RDWR = os.O_CREAT, os.O_RDWR
    fd = call(240, name, O_CREAT | O_RDWR, 0o600, None)

    def take(_):
        into = ctypes.create_string_buffer(8192)
        length = call(243, fd, into, 8192, None, None)
        return into.raw[:length]

    between(lambda: None, lambda _, data: call(242, fd, ctypes.c_char_p(data), len(data), 0, None), take)
    call(241, name)


@fixture("B36", "the number that comes with a signal, a byte at a time", enforce="gap", audit="gap", why="numbers of signals")
def signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])

    def take():
        data = b""
        while True:
            class Info(ctypes.Structure):
                _fields_ = [("head", ctypes.c_int * 6), ("value", ctypes.c_int), ("rest", ctypes.c_char * 100)]

            info, wanted = Info(), ctypes.c_ulong(1 << (signal.SIGRTMIN - 1))
            if call(128, ctypes.byref(wanted), ctypes.byref(info), None, 8) and info.value == 256:
                return send(data)
            data += bytes([info.value])

    pid = child(take)
    for value in [*read(), 256]:
        LIBC.sigqueue(pid, signal.SIGRTMIN, ctypes.c_void_p(value))
    wait(pid)


@fixture("B36", "the exit status, a byte at a time", enforce="gap", audit="gap", why="numbers of signals and of exits")
def exit_status():
    data = b""
    for at in range(os.path.getsize(path())):
        _, status = os.waitpid(os.fork() or os._exit(read()[at]), 0)
        data += bytes([os.WEXITSTATUS(status)])
    send(data)


main()
