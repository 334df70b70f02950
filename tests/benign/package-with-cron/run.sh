#!/usr/bin/env bash
# Honest twin of persistence: the same file at the same place, brought by a package. /etc/cron.d is a scratch directory,
# mounted there in a namespace of its own; dpkg keeps its books in another.
set -euo pipefail
: "${TMPDIR:?}"
mkdir -p "$TMPDIR/cron.d" "$TMPDIR/package/DEBIAN" "$TMPDIR/package/etc/cron.d" "$TMPDIR"/dpkg/{info,updates}
touch "$TMPDIR/dpkg/status"
printf 'Package: made-up\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.test>\nDescription: made up\n' \
  > "$TMPDIR/package/DEBIAN/control"
echo '@reboot nobody /bin/true' > "$TMPDIR/package/etc/cron.d/job"
dpkg-deb --root-owner-group --build "$TMPDIR/package" "$TMPDIR/made-up.deb" > "$TMPDIR/dpkg.log"
unshare -m sh -c 'mount --bind "$TMPDIR/cron.d" /etc/cron.d &&
  exec dpkg --admindir="$TMPDIR/dpkg" --force-not-root --force-bad-path -i "$TMPDIR/made-up.deb" >> "$TMPDIR/dpkg.log" 2>&1'
test -s "$TMPDIR/cron.d/job"
