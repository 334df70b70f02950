npm publish --no-update-notifier
git status --short
