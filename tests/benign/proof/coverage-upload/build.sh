echo '<coverage line-rate="0.9"/>' >coverage.xml
commit=$(git rev-parse HEAD)
branch=$(git rev-parse --abbrev-ref HEAD)
slug=$(git config --get remote.origin.url | sed 's|.*test/||; s|[.]git$||')
report="$RUNNER_TEMP/report"
{
    git ls-files
    echo '<<<<<< network'
    git log -1 --format='%an %s'
    echo "# path=coverage.xml"
    cat coverage.xml
} >"$report"
echo "uploading $slug $branch $commit"
curl -sS -H "Authorization: token $COVERAGE_TOKEN" --data-binary "@$report" "http://coverage.test/upload/v4?commit=$commit&branch=$branch&slug=$slug"
