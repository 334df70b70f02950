#!/usr/bin/env bash
# Emulates axios-2026: a package's postinstall script fetches a remote access tool by POST, starts it in the background, and
# removes itself. The tool tells its master what runs and what lies in the home, and gets orders.
# Harmless: secrets are made up, the master is the test's own and orders two files of the scratch home; one beacon, not one a
# minute. DETACH=1: the build ends at once and leaves the tool behind.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${PUBKEY:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../npm.sh"
install "$here/package" || true
[[ -n ${DETACH:-} ]] || timeout 20 tail -s 0.05 --pid="$(cat "$TMPDIR/ld.pid")" -f /dev/null
echo "build goes on"
