semantic-release --no-ci
git tag --list
