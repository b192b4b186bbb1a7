// What a thread stands still for: child processes that are waited for at once, and `Atomics.wait`.
import { execFileSync, execSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const seconds = (from) => Math.round((Date.now() - from) / 1000);

function thrown(call) {
  const start = Date.now();
  try {
    return [String(call()), seconds(start)];
  } catch (error) {
    return [error.code, error.signal, seconds(start)];
  }
}

function spawned(...words) {
  const start = Date.now();
  const { error, signal, status } = spawnSync(...words);
  return [error?.code ?? null, signal, status, seconds(start)];
}

if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const start = Date.now();
  const result = {
    slept: [Atomics.wait(shared, 0, 0, 600_000), seconds(start)],
    other: Atomics.wait(shared, 0, 1, 600_000),
    late: spawned("sleep", ["600"], { timeout: 90_000 }),
    inTime: spawned("sleep", ["60"], { timeout: 90_000 }),
    missing: spawned("no-such-program", [], { timeout: 90_000 }),
    file: thrown(() => execFileSync("sleep", ["600"], { timeout: 90_000, killSignal: "SIGKILL" })),
    shell: thrown(() => execSync("echo kept; sleep 60", { timeout: 90_000 }).toString().trim()),
    list: thrown(() => execSync("sleep 60; sleep 60", { timeout: 90_000 })),
  };
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: shared });
  const began = Date.now();
  result.woken = [Atomics.wait(shared, 0, 0, 600_000), seconds(began)];
  [result.worker] = await once(worker, "message");
  console.log(JSON.stringify(result));
} else {
  const late = spawned("sleep", ["600"], { timeout: 30_000 });
  Atomics.store(workerData, 0, 1);
  Atomics.notify(workerData, 0);
  parentPort.postMessage(late);
}
