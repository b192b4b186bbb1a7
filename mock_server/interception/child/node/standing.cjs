// What a thread stands still for: `spawnSync`, `execSync` and `execFileSync` with a time limit, `Atomics.wait`.
//
// The thread can ask for nothing meanwhile, so a process beside it waits for the virtual moment.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { configuration } = require("./threads.cjs");

// A process that asks for the jump to a moment, and then ends what the rest of its words name.
class Beside {
  constructor({ limit: [command, ...words] }, moment, ...more) {
    const env = { ...process.env, KLING_MOCK_RUN: configuration() };
    const given = [...words, moment, ...more].map(String);
    this.process = spawn(command, given, { stdio: "ignore", env });
    this.process.on("error", () => {});
    this.process.unref();
  }

  end() {
    this.process.kill("SIGKILL");
  }
}

// What all three calls come to in the end; Node has no public name for it.
function ownBinding() {
  try {
    const binding = process.binding("spawn_sync");
    return typeof binding.spawn === "function" ? binding : null;
  } catch {
    return null;
  }
}

// This thread as the system knows it: its process, its number, and its children; null where nobody tells (macOS).
function thisThread() {
  try {
    const [pid, , thread] = fs.readlinkSync("/proc/thread-self").split("/");
    const children = fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
    return { pid, thread, children: children.split(" ").filter(Boolean) };
  } catch {
    return null;
  }
}

function replaceSyncTimeouts(schedule, config) {
  const binding = ownBinding();
  if (binding === null) return;
  const { spawn: original } = binding;
  let count = 0;
  binding.spawn = function (options) {
    schedule.stands();
    const place = options.timeout > 0 ? thisThread() : null;
    if (place === null) return original.call(binding, options);
    const mark = path.join(config.marks, `limit-${place.pid}-${place.thread}-${count++}`);
    const moment = schedule.clock.now() + options.timeout / 1000;
    const signal = options.killSignal ?? os.constants.signals.SIGTERM;
    const beside = new Beside(config, moment, place.pid, place.thread, signal, mark, ...place.children);
    let result = null;
    try {
      result = original.call(binding, { ...options, timeout: 0 });
    } finally {
      beside.end();
    }
    if (!fs.existsSync(mark)) return result;
    fs.rmSync(mark, { force: true });
    return { ...result, error: -os.constants.errno.ETIMEDOUT };
  };
}

// `Atomics.wait` with a time limit, by which programs sleep without a promise.
function replaceAtomicsWait(schedule, config) {
  const { wait: original } = Atomics;
  // Seen from outside, a thread has to stand still for a while to count as waiting.
  const look = config.timing.stand_look * 1000;
  function wait(array, index, value, timeout) {
    const limit = Number(timeout);
    if (!(limit > 0 && limit < Infinity)) return original(array, index, value, timeout);
    const moment = schedule.clock.now() + limit / 1000;
    let how = original(array, index, value, Math.min(limit, look));
    if (how !== "timed-out" || schedule.clock.now() >= moment) return how;
    schedule.stands();
    const beside = new Beside(config, moment);
    try {
      while (how === "timed-out" && schedule.clock.now() < moment) how = original(array, index, value, look);
    } finally {
      beside.end();
    }
    // Changed between two looks: somebody has woken it.
    return how === "not-equal" ? "ok" : how;
  }
  Object.defineProperty(Atomics, "wait", { value: wait, writable: true, configurable: true });
}

function replaceStanding(schedule, config) {
  replaceSyncTimeouts(schedule, config);
  replaceAtomicsWait(schedule, config);
}

module.exports = { replaceStanding };
