#!/usr/bin/env bash
# Honest twin of litellm-2026: a .pth imports a module at start (as coverage and editable installs do), which asks a child
# interpreter for its version; the program uploads a report with curl.
set -euo pipefail
: "${TMPDIR:?}" "${SINK:?}" "${GITHUB_WORKSPACE:?}"
here=$(dirname "$(readlink -f "$0")")
site="$TMPDIR/site-packages"
mkdir -p "$site"
cp "$here/metrics_hook.py" "$site/"
echo 'import metrics_hook' > "$site/metrics.pth"
PYTHONDONTWRITEBYTECODE=1 python3 "$here/host.py" "$site"
