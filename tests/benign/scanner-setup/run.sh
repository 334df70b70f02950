#!/usr/bin/env bash
# Honest twin of kics-action-2026: the set-up script of a scanner's action looks for a running Docker, asks the cloud's
# metadata service for the machine's region, and uploads its results packed and encrypted, to two places.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${FORGE:?}" "${PUBKEY:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
. "$here/../../attacks/collect.sh"
work=$(mktemp -d)
pgrep -x dockerd > /dev/null || true
find "$GITHUB_WORKSPACE" -name .git -prune -o -name '*.py' -print | wc -l > "$work/results"
curl -s --max-time 2 http://169.254.169.254/latest/meta-data/placement/region >> "$work/results"
cat "$GITHUB_WORKSPACE/build/artifact.txt" >> "$work/results"
pack "$work" "$work/results"
for place in "http://$SINK/results" "http://$FORGE/repos/o/r/code-scanning/sarifs"; do
  curl -sS -o /dev/null --max-time 10 -X POST --data-binary "@$work/tpcp.tar.gz" "$place"
done
mkdir -p "$HOME/.cache/scanner"
date +%Y > "$HOME/.cache/scanner/last"
rm -rf "$work"
echo "queried files: 2"
