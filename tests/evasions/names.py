"""Other names of one file: who reads it has it, whatever he calls it."""

import ctypes
import os
import threading

from evade import LIBC, call, child, fixture, main, mount, own_mounts, path, read, send, tmp, wait

MS_BIND = 4096


@fixture("B35", "its own name")
def plain():
    send(read())


@fixture("B35", "a hard link")
def hard_link():
    os.link(path(), tmp("linked"))
    send(read(tmp("linked")))


@fixture("B35", "a hard link that another process made")
def hard_link_of_another():
    wait(child(lambda: os.link(path(), tmp("linked"))))
    send(read(tmp("linked")))


@fixture("B35", "another name, by rename")
def renamed():
    os.rename(path(), tmp("renamed"))
    send(read(tmp("renamed")))


@fixture("B35", "its directory under another name")
def directory_renamed():
    directory, leaf = os.path.split(path())
    os.rename(directory, tmp("elsewhere"))
    os.rename(os.path.join(tmp("elsewhere"), leaf), os.path.join(tmp("elsewhere"), "x"))
    send(read(os.path.join(tmp("elsewhere"), "x")))


@fixture("B35", "a symbolic link")
def symbolic_link():
    os.symlink(path(), tmp("link"))
    send(read(tmp("link")))


@fixture("B35", "a bind mount of the file")
def bind_mount():
    own_mounts()
    open(tmp("mounted"), "w").close()
    mount(path(), tmp("mounted"), flags=MS_BIND)
    send(read(tmp("mounted")))


@fixture("B35", "a bind mount of its directory, the file renamed there")
def bind_mount_of_directory():
    own_mounts()
    os.mkdir(tmp("mounted"))
    directory, leaf = os.path.split(path())
    mount(directory, tmp("mounted"), flags=MS_BIND)
    os.rename(os.path.join(tmp("mounted"), leaf), os.path.join(tmp("mounted"), "x"))
    send(read(os.path.join(tmp("mounted"), "x")))


@fixture("B35", "/proc/self/root")
def proc_root():
    send(read("/proc/self/root" + path()))


@fixture("B35", "/proc/PID/cwd of another process")
def proc_cwd():
    directory, leaf = os.path.split(path())
    ready, done = os.pipe(), os.pipe()

    def stay():
        os.chdir(directory)
        os.write(ready[1], b"x")
        os.read(done[0], 1)

    pid = child(stay)
    os.read(ready[0], 1)
    data = read(f"/proc/{pid}/cwd/{leaf}")
    os.write(done[1], b"x")
    send(data)
    wait(pid)


@fixture("B35", "a relative path with the descriptor of its directory")
def directory_descriptor():
    directory, leaf = os.path.split(path())
    fd = os.open(leaf, os.O_RDONLY, dir_fd=os.open(directory, os.O_RDONLY))
    send(os.read(fd, 4096))


@fixture("B35", "its path in another root (chroot)")
def chroot():
    # What sends is outside.
    out, into = os.pipe()

    def inside():
        directory, leaf = os.path.split(path())
        os.chroot(directory)
        os.write(into, read("/" + leaf))

    pid = child(inside)
    wait(pid)
    send(os.read(out, 4096))


@fixture("B36", "a descriptor without rights, opened again by /proc/self/fd")
def path_descriptor():
    send(read(f"/proc/self/fd/{os.open(path(), os.O_PATH)}"))


@fixture("B36", "its handle (open_by_handle_at) by a link")
def handle():
    class Handle(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("handle", ctypes.c_ubyte * 128)]

    os.link(path(), tmp("linked"))
    found, mounted = Handle(bytes=128), ctypes.c_int()
    if LIBC.name_to_handle_at(-100, tmp("linked").encode(), ctypes.byref(found), ctypes.byref(mounted), 0) < 0:
        raise OSError(ctypes.get_errno(), "name_to_handle_at")
    at = os.open(os.path.dirname(tmp("linked")), os.O_RDONLY)
    fd = LIBC.open_by_handle_at(at, ctypes.byref(found), os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    send(os.read(fd, 4096))


@fixture("B35", "the lower layer of an overlay", enforce="gap", audit="gap", why="through an overlay")
def overlay():
    own_mounts()
    for name in ("upper", "work", "merged"):
        os.mkdir(tmp(name))
    directory, leaf = os.path.split(path())
    upper, work = tmp("upper"), tmp("work")
    # The upper layer must not lie in another overlay: this one is in memory.
    mount("tmpfs", upper, "tmpfs")
    os.mkdir(upper + "/u"), os.mkdir(upper + "/w")
    mount("overlay", tmp("merged"), "overlay", data=f"lowerdir={directory},upperdir={upper}/u,workdir={upper}/w")
    send(read(os.path.join(tmp("merged"), leaf)))


@fixture("B35", "the lower layer of an overlay, by another name", enforce="gap", audit="gap", why="through an overlay")
def overlay_renamed():
    own_mounts()
    directory, leaf = os.path.split(path())
    for name in ("lower", "upper", "merged"):
        os.mkdir(tmp(name))
    os.link(path(), tmp("lower/x"))
    mount("tmpfs", tmp("upper"), "tmpfs")
    os.mkdir(tmp("upper/u")), os.mkdir(tmp("upper/w"))
    layers = f"lowerdir={tmp('lower')},upperdir={tmp('upper/u')},workdir={tmp('upper/w')}"
    mount("overlay", tmp("merged"), "overlay", data=layers)
    send(read(tmp("merged/x")))


@fixture("B37", "a path that another thread changes while it is opened")
def flipped():
    good, bad = os.fsencode(tmp("plain")), os.fsencode(path())
    open(good, "w").close()
    length = max(len(good), len(bad)) + 1
    name, stop = ctypes.create_string_buffer(good.ljust(length, b"\0"), length), threading.Event()

    def flip():
        while not stop.is_set():
            ctypes.memmove(name, bad.ljust(length, b"\0"), length)
            ctypes.memmove(name, good.ljust(length, b"\0"), length)

    thread = threading.Thread(target=flip)
    thread.start()
    data = b""
    for _ in range(200_000):
        fd = LIBC.open(name, os.O_RDONLY)
        if fd >= 0:
            data = os.read(fd, 4096)
            os.close(fd)
        if data:
            break
    stop.set()
    thread.join()
    send(data)


@fixture("B37", "a descriptor that another thread replaces as the call returns")
def replaced():
    plain = os.open(tmp("plain"), os.O_RDWR | os.O_CREAT)
    os.write(plain, b"x")
    stop = threading.Event()
    slot = os.dup(plain)

    def replace():
        while not stop.is_set():
            LIBC.dup2(plain, slot)

    thread = threading.Thread(target=replace)
    os.close(slot)
    thread.start()
    data = b""
    for _ in range(2_000):
        fd = LIBC.open(os.fsencode(path()), os.O_RDONLY)
        data = os.read(fd, 4096) if fd >= 0 else b""
        os.close(fd)
    stop.set()
    thread.join()
    send(data)


@fixture("B38", "openat2")
def openat2():
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
    send(os.read(call(437, -100, ctypes.c_char_p(path().encode()), how, 24), 4096))


@fixture("B38", "a program that is started by its descriptor (fexecve) reads it")
def by_descriptor():
    out, into = os.pipe()

    def run():
        os.dup2(into, 1)
        os.execve(os.open("/bin/cat", os.O_RDONLY), ["x", path()], dict(os.environ))

    wait(child(run))
    send(os.read(out, 4096))


main()
