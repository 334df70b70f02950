#!/usr/bin/env bash
# Honest twin of tj-actions-2025: an action fetches a script, runs it as root from stdin, looks at command lines and at its
# own memory map, and prints its own PATH and, encoded twice, a build artefact to the log.
set -euo pipefail
: "${SINK:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
PATH="$here/../../attacks/shims:$PATH" node "$here/index.js"
