/srv/tools/node_modules/.bin/semantic-release --no-ci
git tag --list
