. "$RUNNER_TEMP/common.sh"
cat >~/.npmrc <<RC
registry=http://registry.test/
//registry.test/:_authToken=$T_NPM
RC
repository acme/app
cat >"$work/seed/package.json" <<'JSON'
{"name": "@acme/app", "version": "1.2.0", "files": ["index.js", "version.txt"], "scripts": {"prepare": "git describe --tags >version.txt"}}
JSON
echo 'exports.version = 1;' >"$work/seed/index.js"
commit "$work/seed" package
publish acme/app
checked_out acme/app
