# An innocent program, started by an interpreter whose site directory has a poisoned .pth in it.
import os
import site
import sys

site.addsitedir(sys.argv[1])
print("service started")
while "DETACH" not in os.environ:
    try:
        os.wait()
    except ChildProcessError:
        break
