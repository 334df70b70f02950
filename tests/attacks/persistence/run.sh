#!/usr/bin/env bash
# Emulates what several thefts leave behind: a job of cron, written by a script that was fetched and piped into a shell.
# Harmless: /etc/cron.d is a scratch directory, mounted there in a namespace of its own.
set -euo pipefail
: "${TMPDIR:?}"
mkdir -p "$TMPDIR/cron.d"
unshare -m sh -c 'mount --bind "$TMPDIR/cron.d" /etc/cron.d && exec sh' <<'STAGE'
echo "echo '@reboot nobody /bin/true' > /etc/cron.d/job" | sh
STAGE
test -s "$TMPDIR/cron.d/job"
