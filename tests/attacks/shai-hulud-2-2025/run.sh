#!/usr/bin/env bash
# Emulates shai-hulud-2-2025: a package's preinstall script installs another runtime and runs its program with it. That gets
# root through a container, takes down the egress filter, scans the home, reads credentials, asks the metadata service and
# the secret managers, puts the loot into a repository of the victim's, and registers a runner of its own.
# Harmless: secrets are made up; root, containers, services and filters are stand-ins; all destinations are the test's own.
# What the original does last, destroying the home, is left out.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../npm.sh"
PATH="$here/../shims:$PATH" install "$here/package" "$here/../thief.js" "$here/../sweep.py" || true
echo "build goes on"
