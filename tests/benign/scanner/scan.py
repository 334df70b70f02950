# Reads every file below a directory, and reports how many look like a secret.
import os
import socket
import sys

hits = 0
for directory, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            hits += b"AKIA" in file.read()
host, port = os.environ["SINK"].split(":")
with socket.create_connection((host, int(port)), timeout=10) as stream:
    stream.sendall(b"findings: %d\n" % hits)
