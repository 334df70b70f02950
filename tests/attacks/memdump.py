# Writes every readable private region of a process to stdout. Given on stdin. The process is the test's dummy agent: named
# as an argument, or looked for as the originals do. Several tests may run agents at once: only this test's own is touched.
import glob
import os
import sys


def agent():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                worker = b"Runner.Worker" in file.read()
        except OSError:
            continue
        if worker and path.split("/")[2] == os.environ["AGENT_PID"]:
            return path.split("/")[2]
    sys.exit("no agent")


pid = sys.argv[1] if len(sys.argv) > 1 else agent()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        bounds, mode = line.split()[:2]
        if not mode.startswith("rw"):
            continue
        start, end = (int(n, 16) for n in bounds.split("-"))
        try:
            mem.seek(start)
            sys.stdout.buffer.write(mem.read(end - start))
        except (OSError, ValueError, OverflowError):
            continue
