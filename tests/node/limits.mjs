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
console.log(JSON.stringify(result));
