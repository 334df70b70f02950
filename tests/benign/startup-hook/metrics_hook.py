# Imported by a .pth: notes the version of the interpreter.
import subprocess
import sys

VERSION = subprocess.run([sys.executable, "-c", "import sys; print(sys.version)"], capture_output=True, text=True).stdout
