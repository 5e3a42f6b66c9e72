// A server that uses what servers in Node use: worker threads, children, the
// pool behind dns and fs, a watcher.
const { Worker } = require("worker_threads");
const { execFileSync } = require("child_process");
const fs = require("fs");

fs.watch(".").close();
const worker = new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true });
worker.on("message", async () => {
  await fs.promises.writeFile("app.txt", execFileSync("echo", ["child"]));
  await require("dns").promises.lookup("localhost");
  require("http").createServer((_, response) => response.end("node")).listen(+process.argv[2], "127.0.0.1");
});
