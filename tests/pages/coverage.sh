# The honest uploader: branch, one variable by name, report. $FORGE stands for the vendor.
report=build/artifact.txt
[[ -r $report ]] || exit 1
branch=$(git symbolic-ref --short HEAD)
curl -sS -o /dev/null --max-time 10 --data-binary "@$report" "http://$FORGE/upload/v4?branch=$branch&ci=${CI:-}" && echo "coverage uploaded"
