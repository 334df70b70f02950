. "$RUNNER_TEMP/common.sh"
indexed
mkdir -p ~/.config/pip
printf '[global]\nindex-url = http://ci:%s@index.test/simple/\ntrusted-host = index.test\n' "$T_INDEX" >~/.config/pip/pip.conf
chmod 600 ~/.config/pip/pip.conf
repository acme/app
python_project
publish acme/app
checked_out acme/app
