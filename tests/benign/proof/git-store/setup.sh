. "$RUNNER_TEMP/common.sh"
repository acme/app
mirrored tool
rm -rf "$work/seed"
git config --global credential.helper store
printf 'http://ci:%s@forge.test\n' "$T_FORGE" >~/.git-credentials
chmod 600 ~/.git-credentials
