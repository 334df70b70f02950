. "$RUNNER_TEMP/common.sh"
mkdir -p -m 700 ~/.gnupg
# One instant, so that two runs sign alike.
echo 'faked-system-time 20260101T000000!' >~/.gnupg/gpg.conf
gpg --batch --quiet --passphrase '' --quick-generate-key 'ci <ci@forge.test>' ed25519 sign never
git config --global user.signingkey ci@forge.test
gpgconf --kill all
mirrored tool
repository acme/app
checked_out acme/app
