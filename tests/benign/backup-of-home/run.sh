#!/usr/bin/env bash
# Honest twin of backup-of-home: the same archive stays here, and is fetched over loopback by the same machine.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}"
bash -c 'tar -C "$HOME" -czf "$TMPDIR/home.tgz" . && python3 - "$TMPDIR/home.tgz"' <<'PY'
import socket, sys, threading

server = socket.create_server(("127.0.0.1", 0))

def keep():
    stream, _ = server.accept()
    with stream, open(sys.argv[1] + ".kept", "wb") as out:
        while chunk := stream.recv(1 << 16):
            out.write(chunk)

keeper = threading.Thread(target=keep)
keeper.start()
with socket.create_connection(server.getsockname()) as stream, open(sys.argv[1], "rb") as archive:
    stream.sendfile(archive)
keeper.join()
PY
