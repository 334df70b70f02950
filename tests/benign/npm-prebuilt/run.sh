#!/usr/bin/env bash
# Honest twin of shai-hulud-2-2025, axios-2026 and bitwarden-cli-2026: a package's postinstall script reads the package's own
# package.json, downloads the prebuilt program that it names, and runs it; then the build uploads what it built.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../../attacks/npm.sh"
install "$here/package"
curl -sS -o /dev/null --max-time 10 --data-binary "@$GITHUB_WORKSPACE/build/artifact.txt" "http://$SINK/artifacts"
echo "built"
