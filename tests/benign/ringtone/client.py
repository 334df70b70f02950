# The client: the sound is measured, never run.
import os
import subprocess
import sys
import tempfile
import urllib.request
import wave

SINK = f"http://{os.environ['SINK']}"
SCRIPT = b"import sys; sys.stdout.write(open(sys.argv[1]).read())"

with tempfile.TemporaryDirectory() as directory:
    sound = os.path.join(directory, "ringtone.wav")
    with urllib.request.urlopen(SINK + "/ringtone.wav", timeout=10) as answer, open(sound, "wb") as out:
        out.write(answer.read())
    with wave.open(sound) as samples:
        seconds = samples.getnframes() / samples.getframerate()
    artifact = os.path.join(os.environ["GITHUB_WORKSPACE"], "build/artifact.txt")
    child = subprocess.run([sys.executable, "-", artifact], input=SCRIPT, stdout=subprocess.PIPE, start_new_session=True, check=True)
    report = f"ringtone: {seconds:.1f} s\n".encode() + child.stdout
    request = urllib.request.Request(SINK + "/report", report, {"X-Filename": "report.txt"}, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
