#!/usr/bin/env bash
# Emulates nx-s1ngularity-2025: a package's postinstall script asks the forge's CLI and npm for tokens, has an AI agent's CLI
# list the secrets of the home, reads them, and puts them into a repository of the victim's.
# Harmless: secrets are made up, both CLIs are stand-ins, the forge is the test's own; the line for the shell's start-up file,
# which shut machines down, is a comment.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${FORGE:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../npm.sh"
PATH="$here/../shims:$PATH" install "$here/package" "$here/../thief.js" || true
echo "build goes on"
