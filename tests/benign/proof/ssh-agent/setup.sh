. "$RUNNER_TEMP/common.sh"
repository acme/app
mirrored tool
ssh_key
rm -rf "$work/seed"
