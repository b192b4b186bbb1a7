// Runtimes whose requests no socket of `net` shows (Deno, Bun): what is asked through them is counted instead.
"use strict";

// Whether this runtime is one of them. It goes by the proxy, and has other insides than Node.
const isNative = Boolean(process.versions.deno || process.versions.bun);

// The system's monotonic seconds, which such a runtime does not tell: its wall clock at the start, and what went by.
function monotonic(epoch) {
  const elapsed = performance.now.bind(performance);
  const start = performance.timeOrigin / 1000 - epoch;
  return () => start + elapsed() / 1000;
}

// Requests that have not been answered, and answers that are being read.
class NativeIO {
  constructor(schedule, seconds, timing) {
    this.schedule = schedule;
    this.seconds = seconds;
    this.timing = timing;
    this.pending = 0;
    this.at = 0;
  }

  note() {
    this.at = this.seconds();
  }

  begin() {
    this.pending += 1;
    this.note();
    this.schedule.changed();
    let open = true;
    return () => {
      if (open) this.pending -= 1;
      open = false;
      this.note();
      this.schedule.changed();
    };
  }

  // Whether an answer may be on its way right now.
  arriving() {
    return this.pending > 0 && this.seconds() - this.at < this.timing.more_here;
  }

  // Whether one is owed: nothing but what the mock does next may be jumped to.
  owed() {
    return this.pending > 0 && this.seconds() - this.at < this.timing.answer_here;
  }

  watch() {
    const awaiting = (original) => {
      const io = this;
      const replaced = function (...args) {
        const end = io.begin();
        const promise = original.apply(this, args);
        promise.then(end, end);
        return promise;
      };
      return Object.assign(replaced, original);
    };
    globalThis.fetch = awaiting(globalThis.fetch);
    for (const name of ["json", "text", "arrayBuffer", "blob", "bytes", "formData"]) {
      const original = Response.prototype[name];
      if (original) Response.prototype[name] = awaiting(original);
    }
    // Loaded here: in Node they would take a third of what the hook costs a program that never asks for them.
    for (const name of ["node:http", "node:https"]) this.watchModule(require(name));
  }

  watchModule(module) {
    const { request } = module;
    module.request = (...args) => {
      const asked = request(...args);
      const end = this.begin();
      asked.once("response", (answer) => answer.once("end", end).once("close", end));
      asked.once("error", end).once("close", end);
      return asked;
    };
    module.get = (...args) => {
      const asked = module.request(...args);
      asked.end();
      return asked;
    };
  }
}

// What sleeps in Bun alone.
function replaceBunSleep(schedule) {
  const { Bun } = globalThis;
  if (!Bun) return;
  Bun.sleep = (delay) => new Promise((resolve) => {
    schedule.set(resolve, typeof delay === "number" ? delay : Number(delay) - schedule.clock.now() * 1000, []);
  });
}

module.exports = { isNative, monotonic, NativeIO, replaceBunSleep };
