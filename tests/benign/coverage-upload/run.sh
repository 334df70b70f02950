#!/usr/bin/env bash
# Honest twin of codecov-2021: the coverage step runs an uploader that it fetches, which asks git for the branch and sends the
# report; no environment goes along.
set -euo pipefail
: "${FORGE:?}" "${GITHUB_WORKSPACE:?}"
cd "$GITHUB_WORKSPACE"
git init -q -b main
bash <(curl -s "http://$FORGE/coverage.sh")
