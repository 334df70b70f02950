. "$RUNNER_TEMP/common.sh"
repository acme/app
mirrored tool
ssh_key
sed -i /IdentityFile/d ~/.ssh/config
rm -rf "$work/seed"
