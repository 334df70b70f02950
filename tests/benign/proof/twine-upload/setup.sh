. "$RUNNER_TEMP/common.sh"
cat >~/.pypirc <<RC
[distutils]
index-servers = private
[private]
repository = http://index.test/legacy/
username = __token__
password = $T_INDEX
RC
chmod 600 ~/.pypirc
repository acme/app
python_project
publish acme/app
checked_out acme/app
