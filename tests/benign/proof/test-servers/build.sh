/usr/bin/python3 -B test_service.py
curl -sS -o "$RUNNER_TEMP/browser" http://mirror.test/browser
git status --short
