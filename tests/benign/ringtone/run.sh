#!/usr/bin/env bash
# Honest twin of telnyx-2026: a test of a telephony client downloads a sound file, hands a script to a child interpreter in
# a session of its own, and uploads the child's report.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${GITHUB_WORKSPACE:?}"
python3 "$(dirname "$(readlink -f "$0")")/client.py"
