#!/usr/bin/env bash
# Honest twin of nx-s1ngularity-2025: a package's postinstall script asks two CLIs for their versions and tells those, with its
# own name and the platform, to its maker; then the build uploads what it built.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../../attacks/npm.sh"
PATH="$here/../../attacks/shims:$PATH" install "$here/package"
curl -sS -o /dev/null --max-time 10 --data-binary "@$GITHUB_WORKSPACE/build/artifact.txt" "http://$SINK/artifacts"
echo "built"
