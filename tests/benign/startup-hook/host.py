# Measures the artefact and uploads what it measured, together with the artefact's text.
import json
import os
import site
import subprocess
import sys
import tempfile

site.addsitedir(sys.argv[1])
import metrics_hook  # noqa: E402 (the directory is known only now)

with open(os.path.join(os.environ["GITHUB_WORKSPACE"], "build/artifact.txt")) as file:
    text = file.read()
with tempfile.NamedTemporaryFile("w", suffix=".json") as report:
    json.dump({"python": metrics_hook.VERSION, "bytes": len(text), "text": text}, report)
    report.flush()
    subprocess.run(["curl", "-sS", "--fail", "-o", "/dev/null", "--max-time", "10", "-X", "POST",
                    "--data-binary", "@" + report.name, f"http://{os.environ['SINK']}/metrics"], check=True)
