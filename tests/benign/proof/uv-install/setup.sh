. "$RUNNER_TEMP/common.sh"
indexed
printf 'machine index.test login ci password %s\n' "$T_INDEX" >~/.netrc
chmod 600 ~/.netrc
repository acme/app
python_project
publish acme/app
checked_out acme/app
