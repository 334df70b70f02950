. "$RUNNER_TEMP/common.sh"
repository acme/app
cat >"$work/seed/package.json" <<'JSON'
{"name": "@acme/app", "version": "0.0.0-development", "main": "index.js", "files": ["index.js"],
 "repository": "http://forge.test/acme/app.git", "publishConfig": {"registry": "http://registry.test/"},
 "release": {"branches": ["main"], "plugins": ["@semantic-release/commit-analyzer", "@semantic-release/release-notes-generator", "@semantic-release/npm",
  ["@semantic-release/github", {"githubUrl": "http://forge.test", "githubApiPathPrefix": "/api/v3", "successComment": false, "failComment": false, "failTitle": false, "releasedLabels": false}]]}}
JSON
echo 'exports.version = 1;' >"$work/seed/index.js"
commit "$work/seed" "feat: a package"
publish acme/app
checked_out acme/app
