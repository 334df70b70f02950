#!/usr/bin/env bash
# Honest twin of trivy-2026: a scanner looks at processes and at the workspace, then a build artefact is packed, encrypted
# and uploaded with the same tools to the same place.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${PUBKEY:?}" "${GITHUB_WORKSPACE:?}"

for entry in /proc/[0-9]*; do
  { IFS= read -r -d '' argv0 < "$entry/cmdline"; } 2>/dev/null || continue
  [[ $argv0 == *dockerd* ]] && echo "docker: yes"
done
python3 - "$GITHUB_WORKSPACE" <<'PY'
import hashlib, os, sys
digest, files = hashlib.sha256(), 0
for directory, children, names in os.walk(sys.argv[1]):
    children[:] = [child for child in children if child != ".git"]
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            digest.update(file.read())
        files += 1
print(f"scanned files: {files} ({digest.hexdigest()[:8]})")
PY

pack=$(mktemp -d)
# In hex: openssl takes the first line for the key and refuses one that begins with NUL, as one random key in 256 does.
openssl rand -hex -out "$pack/session.key" 32
openssl enc -aes-256-cbc -pbkdf2 -pass "file:$pack/session.key" -in "$GITHUB_WORKSPACE/build/artifact.txt" -out "$pack/payload.enc"
openssl pkeyutl -encrypt -pubin -inkey "$PUBKEY" -pkeyopt rsa_padding_mode:oaep \
  -in "$pack/session.key" -out "$pack/session.key.enc"
tar -czf "$pack/artifact.tar.gz" -C "$pack" payload.enc session.key.enc
curl -sS --fail -o /dev/null --max-time 10 -X POST -H 'X-Filename: artifact.tar.gz' \
  --data-binary "@$pack/artifact.tar.gz" "http://$SINK/"
rm -rf "$pack"
