# Reads every file below a directory, and says how many look like a secret.
import os
import sys

hits = 0
for directory, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            hits += b"AKIA" in file.read()
print(f"findings: {hits}")
