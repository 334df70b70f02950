# Writes every readable private region of a process to stdout. Given on stdin; the process is the test's dummy agent.
import sys

pid = sys.argv[1]
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
