#!/usr/bin/env bash
# Honest twin of prt-scan-2026: the tests of a pull request, with a watcher in the background that follows the step's own
# processes; the report goes, packed, to the log and as a comment to the forge.
set -euo pipefail
: "${TMPDIR:?}" "${FORGE:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
make -s -C "$GITHUB_WORKSPACE" -f "$here/Makefile" HERE="$here" test
