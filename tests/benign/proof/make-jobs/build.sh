make -j4
./app
git status --short
curl -sS -T app http://mirror.test/artifacts/app
