#!/usr/bin/env bash
# Emulates the theft of March 2026 in a scanner's action: the composite step, which starts the poisoned entry point.
# Harmless: secrets are made up, the agent is a dummy, the sink is in the test's own namespace.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${AGENT_PID:?}" "${PUBKEY:?}"
bash "$(dirname "$(readlink -f "$0")")/entrypoint.sh" "${GITHUB_WORKSPACE:-.}"
