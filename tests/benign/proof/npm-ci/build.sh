npm ci --no-audit --no-fund --no-update-notifier --foreground-scripts
npm test
git status --short
