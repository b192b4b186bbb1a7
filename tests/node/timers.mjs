// Node's own promises about timers, kept in virtual time.
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { promisify } from "node:util";
import * as promises from "node:timers/promises";
import timers from "node:timers";

const order = [];
const start = Date.now();
const since = () => Math.round((Date.now() - start) / 1000);

setTimeout(() => order.push("late"), 30_000);
timers.setTimeout(() => order.push("early"), 10_000);
setTimeout((...args) => order.push(args.join("+")), 20_000, "a", "b");
clearTimeout(setTimeout(() => order.push("cleared"), 5_000));
const number = +setTimeout(() => order.push("cleared by number"), 5_000);
clearTimeout(number);
setImmediate(() => order.push("immediate"));
setTimeout(() => order.push("never: not waited for"), 10_000_000).unref();

let ticks = 0;
await new Promise((resolve) => {
  const interval = setInterval(() => {
    ticks += 1;
    if (ticks === 5) {
      clearInterval(interval);
      resolve();
    }
  }, 7_000);
});
assert.equal(since(), 35);
assert.deepEqual(order, ["immediate", "early", "a+b", "late"]);

assert.equal(await promises.setTimeout(5_000, "value"), "value");
assert.equal(await promisify(setTimeout)(5_000, "other"), "other");
await promises.scheduler.wait(5_000);
assert.equal(since(), 50);

const controller = new AbortController();
setTimeout(() => controller.abort(), 1_000);
await assert.rejects(promises.setTimeout(60_000, null, { signal: controller.signal }), { name: "AbortError" });
assert.equal(since(), 51);

const storage = new AsyncLocalStorage();
const kept = await storage.run("context", () => new Promise((resolve) => {
  setTimeout(() => resolve(storage.getStore()), 9_000);
}));
assert.equal(kept, "context");
assert.equal(since(), 60);

const [seconds] = process.hrtime();
const big = process.hrtime.bigint();
await promises.setTimeout(100_000);
assert.equal(process.hrtime()[0] - seconds >= 99, true);
assert.equal(process.hrtime.bigint() - big >= 99_000_000_000n, true);
assert.ok(new Date() instanceof Date);
assert.equal(new Date(0).getTime(), 0);
assert.ok(Math.abs(new Date().getTime() - Date.now()) < 1000);
assert.throws(() => setTimeout("not a function", 5), { code: "ERR_INVALID_ARG_TYPE" });

// What goes on within the loop, without a timer, is over before time moves.
const { port1, port2 } = new MessageChannel();
const hops = (steps, hop) => new Promise((resolve) => {
  const next = () => (steps-- > 0 ? hop(next) : resolve());
  next();
});
for (const hop of [(next) => setImmediate(next), (next) => port2.once("message", next) && port1.postMessage(1)]) {
  const began = Date.now();
  await hops(3000, hop);
  assert.ok(Date.now() - began < 1000, `took ${Date.now() - began} ms: ${hop}`);
  const watchdog = setTimeout(() => assert.fail(`overtaken: ${hop}`), 1);
  await hops(3000, hop);
  clearTimeout(watchdog);
}
port1.close();

let caught = null;
process.once("uncaughtException", (error) => { caught = error.message; });
setTimeout(() => { throw new Error("from a timer"); }, 1_000);
await promises.setTimeout(5_000);
assert.equal(caught, "from a timer");
console.log("kept");
