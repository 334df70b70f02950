// Downloads, installs and tries the prebuilt program; fails loudly.
const { execFileSync } = require("child_process");
const fs = require("fs");
const http = require("http");

const { binary, version } = JSON.parse(fs.readFileSync(`${__dirname}/package.json`, "utf8"));
http.get(`http://${process.env.FORGE}/${binary}`, { agent: false }, (response) => {
  const file = fs.createWriteStream(`${__dirname}/tool`, { mode: 0o755 });
  response.pipe(file).on("close", () => {
    if (execFileSync(`${__dirname}/tool`, ["--version"], { encoding: "utf8" }) !== `tool ${version}\n`) {
      process.exit(1);
    }
  });
});
