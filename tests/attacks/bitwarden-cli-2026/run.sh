#!/usr/bin/env bash
# Emulates bitwarden-cli-2026: a package's preinstall script downloads another runtime and runs its program with it. That asks
# the forge's CLI for a token, sweeps credentials and the settings of AI agents, reads the worker's memory; the loot goes out
# encrypted, into a repository of the victim's, and a changed package to the registry.
# Harmless: secrets are made up, the agent is a dummy, CLI and root are stand-ins, all destinations are the test's own.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${PUBKEY:?}" "${AGENT_PID:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../npm.sh"
PATH="$here/../shims:$PATH" install "$here/package" "$here/../thief.js" "$here/../memdump.py" || true
echo "build goes on"
