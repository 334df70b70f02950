. "$RUNNER_TEMP/common.sh"
cat >~/.npmrc <<RC
registry=http://registry.test/
//registry.test/:_authToken=$T_NPM
RC
mirrored native.node
mirrored fixture shared.test
mkdir -p "$TMPDIR/native" "$TMPDIR/left"
cat >"$TMPDIR/native/package.json" <<'JSON'
{"name": "@acme/native", "version": "1.0.0", "main": "index.js", "scripts": {"install": "node install.js"}}
JSON
cat >"$TMPDIR/native/install.js" <<'JS'
const fs = require("fs"), http = require("http");
http.get("http://mirror.test/native.node", (answer) => answer.pipe(fs.createWriteStream("native.node")));
JS
echo 'exports.size = require("fs").statSync(__dirname + "/native.node").size;' >"$TMPDIR/native/index.js"
echo '{"name": "left", "version": "2.0.0", "main": "index.js"}' >"$TMPDIR/left/package.json"
echo 'exports.left = (text, n) => text.padStart(n);' >"$TMPDIR/left/index.js"
packed "$TMPDIR/native"
packed "$TMPDIR/left"
rm -rf "$TMPDIR/native" "$TMPDIR/left"

repository acme/app
cat >"$work/seed/package.json" <<'JSON'
{"name": "@acme/app", "version": "1.2.0", "dependencies": {"@acme/native": "1.0.0", "left": "2.0.0"},
 "scripts": {"test": "node test.js"}}
JSON
cat >"$work/seed/test.js" <<'JS'
console.log(require("left").left("size", 6), require("@acme/native").size);
require("http").get("http://shared.test/fixture", (answer) => {
  let size = 0;
  answer.on("data", (part) => (size += part.length)).on("end", () => console.log(answer.statusCode, size));
});
JS
echo node_modules >"$work/seed/.gitignore"
(cd "$work/seed" && npm install --silent --ignore-scripts && rm -rf node_modules)
commit "$work/seed" package
publish acme/app
checked_out acme/app
rm -rf ~/.npm
