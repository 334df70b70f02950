git clone --recurse-submodules http://forge.test/acme/app.git app
cd app
git describe --tags
git submodule status
date -ud @0 >stamp.txt
git add stamp.txt
git commit -q -m "stamp $(git describe --tags)"
git push origin HEAD:refs/heads/ci
curl -sS -o "$RUNNER_TEMP/tool" http://mirror.test/tool
sha256sum "$RUNNER_TEMP/tool"
