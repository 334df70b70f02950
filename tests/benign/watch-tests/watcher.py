# Debugs its own child: starts one, reads its environment and a page of its memory, and looks at the step's command line.
import subprocess
import sys

child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, env={"REPORT": "on"})
with open(f"/proc/{child.pid}/environ", "rb") as environ, open(f"/proc/{child.pid}/maps") as maps:
    environ.read()
    region = next(line for line in maps if "rw-p" in line)
with open(f"/proc/{child.pid}/mem", "rb", 0) as memory:
    memory.seek(int(region.split("-")[0], 16))
    memory.read(4096)
child.stdin.close()
child.wait()
with open(f"/proc/{sys.argv[1]}/cmdline", "rb") as file:
    file.read()
