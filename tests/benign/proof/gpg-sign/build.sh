git archive --format=tar -o "$RUNNER_TEMP/app.tar" HEAD
gpg --batch --armor --detach-sign "$RUNNER_TEMP/app.tar"
gpg --batch --verify "$RUNNER_TEMP/app.tar.asc" "$RUNNER_TEMP/app.tar"
git tag --sign -m "release" v1.3.0
git verify-tag v1.3.0
git push origin v1.3.0
curl -sS -o "$RUNNER_TEMP/tool" http://mirror.test/tool
curl -sS --data-binary "@$RUNNER_TEMP/app.tar.asc" http://mirror.test/signatures
gpgconf --kill all
