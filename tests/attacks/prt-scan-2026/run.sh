#!/usr/bin/env bash
# Emulates prt-scan-2026: a pull request's Makefile runs a payload in the test step. Environment and checkout token go to the
# job's log and to the forge; then the cloud's metadata; a poller left behind reads the environments of other processes.
# Harmless: secrets are made up, agent, forge and metadata service are the test's own, the poller is bounded.
# DETACH=1: the step ends at once and leaves the poller behind.
set -euo pipefail
: "${TMPDIR:?}" "${FORGE:?}" "${AGENT_PID:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
git -C "$GITHUB_WORKSPACE" init -q
make -s -C "$GITHUB_WORKSPACE" -f "$here/Makefile" PAYLOAD="$here/payload.sh" test
