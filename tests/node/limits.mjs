// Time limits of child processes, and clocks that not every Node has; says what took how long.
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import vm from "node:vm";

const seconds = () => Math.round(performance.now() / 1000);
let start = seconds();
const ended = (child) => new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
const killed = await ended(spawn("sleep", ["900"], { timeout: 600_000 }));
const result = { spawn: [killed, seconds() - start] };
start = seconds();
const failed = await promisify(execFile)("sleep", ["900"], { timeout: 600_000 }).catch((error) => error);
result.execFile = [failed.killed, failed.signal, seconds() - start];
result.echo = (await promisify(execFile)("echo", ["kept"], { timeout: 600_000 })).stdout.trim();
const context = vm.createContext({});
const clocks = { date: () => vm.runInContext("Date.now()", context), temporal: () => globalThis.Temporal?.Now.instant() };
const before = [clocks.date(), clocks.temporal()];
await new Promise((resolve) => setTimeout(resolve, 300_000));
result.date = Math.round((clocks.date() - before[0]) / 1000);
result.temporal = before[1] ? Math.round(before[1].until(clocks.temporal()).total("seconds")) : 300;
// Contexts that Node makes by itself have clocks of their own, too.
const near = (moment) => Math.abs(moment - Date.now()) < 60_000;
const now = "globalThis.Temporal ? Temporal.Now.instant().epochMilliseconds : Date.now()";
result.contexts = ["Date.now()", "+new Date()", now].flatMap((code) => [
  near(vm.runInNewContext(code)),
  near(vm.runInNewContext(code, { given: 1 }, "named.js")),
  near(new vm.Script(code).runInNewContext()),
]);
console.log(JSON.stringify(result));
