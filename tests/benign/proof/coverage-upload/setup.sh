. "$RUNNER_TEMP/common.sh"
repository acme/app
echo coverage.xml >"$work/seed/.gitignore"
commit "$work/seed" ignored
publish acme/app
checked_out acme/app
