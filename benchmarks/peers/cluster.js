// Runs a peer's server in PROCESSES processes that share its port, as Node's guides do.
const cluster = require("cluster");

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.PROCESSES); i++) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGTERM");
    process.exit(0);
  });
} else {
  require("./server.js");
}
