#!/usr/bin/env bash
# Emulates the theft of March 2026 in a Python package: importing it starts a detached interpreter that fetches its script
# inside a sound file. Harmless: secrets are made up; sound file and sink are the test's own.
# DETACH=1: the importing program ends at once and leaves the thief behind.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${PUBKEY:?}"
here=$(dirname "$(readlink -f "$0")")
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" python3 -c 'import poisoned; print("client ready")'
