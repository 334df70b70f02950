#!/usr/bin/env bash
# Emulates kics-action-2026: the set-up script of a scanner's action, poisoned. Environment and memory of the worker, a sweep,
# the cloud's metadata; packed and uploaded, and put on the forge too; a unit of the user's systemd is left behind.
# Harmless: secrets are made up, the agent is a dummy, all destinations are the test's own, the unit is in a scratch home.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${AGENT_PID:?}" "${PUBKEY:?}"
here=$(dirname "$(readlink -f "$0")")
PATH="$here/../shims:$PATH" bash "$here/setup.sh"
find "${GITHUB_WORKSPACE:-.}" -name .git -prune -o -name '*.py' -print | wc -l | sed 's/^/queried files: /'
