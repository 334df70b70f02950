. "$RUNNER_TEMP/common.sh"
repository acme/app
checked_out acme/app
mirrored tool
