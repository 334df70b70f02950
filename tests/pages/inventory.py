# Fetched by the honest action `action-path`: which programs run, how large this interpreter is, and the artefact's text.
import glob
import os

programs = set()
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        with open(path, "rb") as file:
            programs.add(os.path.basename(file.read().split(b"\0")[0]))
    except OSError:
        continue
with open("/proc/self/maps") as maps:
    regions = sum(1 for _ in maps)
print("init runs" if programs else "nothing runs", "; regions:", "many" if regions > 10 else "few")
with open(os.path.join(os.environ["GITHUB_WORKSPACE"], "build/artifact.txt")) as file:
    print(file.read())
