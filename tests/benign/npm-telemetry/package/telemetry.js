// Fails loudly.
const { execFileSync } = require("child_process");
const fs = require("fs");
const http = require("http");

const version = (name) => execFileSync(name, ["--version"], { encoding: "utf8" });
const { name } = JSON.parse(fs.readFileSync(`${__dirname}/package.json`, "utf8"));
const body = JSON.stringify({ name, platform: process.platform, gh: version("gh"), npm: version("npm") });
const headers = { "Content-Length": Buffer.byteLength(body) };
const request = http.request(`http://${process.env.FORGE}/telemetry`, { method: "POST", agent: false, headers });
request.on("response", (response) => response.resume());
request.end(body);
