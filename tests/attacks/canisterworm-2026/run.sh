#!/usr/bin/env bash
# Emulates canisterworm-2026: a package's postinstall script reads npm's configuration and other credentials, leaves a service
# of the user's systemd behind that asks its master for orders, and publishes itself with the stolen token, detached.
# Harmless: secrets are made up, systemd is a stand-in that runs the service once, registry and sink are the test's own.
# DETACH=1: the script ends at once and leaves the publisher behind.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${PUBKEY:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../npm.sh"
PATH="$here/../shims:$PATH" install "$here/package" "$here/../thief.js" || true
echo "build goes on"
