#!/usr/bin/env bash
# Honest twin of the sweeps: a scanner reads every file of the workspace, in which lie the same names as in a home.
set -euo pipefail
: "${GITHUB_WORKSPACE:?}"
cd "$GITHUB_WORKSPACE"
git init -q . # as checkout does: by its configuration, a repository is known
mkdir -p app test/home/.aws test/home/.ssh test/home/.docker
echo 'KEY=made-up' > app/.env
echo 'registry=https://packages.test/' > .npmrc
echo '[default]' > test/home/.aws/credentials
echo 'no key' > test/home/.ssh/id_rsa
echo '{}' > test/home/.docker/config.json
python3 "$(dirname "$(readlink -f "$0")")/scan.py" "$GITHUB_WORKSPACE"
