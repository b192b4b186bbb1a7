// A worker thread polls its job to the end, while the main thread gives the whole thing ten minutes.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const url = "https://api.aimlapi.com/v2/video/generations";
const headers = { Authorization: "Bearer k", "Content-Type": "application/json" };
const body = JSON.stringify({ model: "klingai/v2.5-turbo/pro/text-to-video", prompt: "A fox" });

if (isMainThread) {
  const start = Date.now();
  const watch = setTimeout(() => {
    console.log("gave up after ten minutes");
    process.exit(1);
  }, 600_000);
  const finished = (worker) => new Promise((resolve) => worker.once("message", resolve));
  const workers = [{}, { env: { PATH: process.env.PATH } }].map(
    (options) => new Worker(new URL(import.meta.url), { ...options, workerData: "worker" }),
  );
  console.log(...(await Promise.all(workers.map(finished))), Date.now() - start < 600_000);
  clearTimeout(watch);
} else {
  let job = await (await fetch(url, { method: "POST", headers, body })).json();
  while (job.status !== "completed") {
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    job = await (await fetch(`${url}?generation_id=${job.id}`, { headers })).json();
  }
  parentPort.postMessage(`${workerData} ${job.status}`);
}
