#!/usr/bin/env bash
# Emulates tj-actions-2025: an action whose tags were moved. Its script fetches a reader of the worker's memory, runs it as
# root from stdin, and prints what it found, encoded twice, to the job's log: nothing is sent over the network.
# Harmless: the agent is a dummy, the reader comes from the test's own sink, the log is the test's.
set -euo pipefail
: "${SINK:?}" "${AGENT_PID:?}"
here=$(dirname "$(readlink -f "$0")")
PATH="$here/../shims:$PATH" node "$here/index.js"
