// Timers and clocks that follow the mock's clock: when nothing but time is left to wait for, time jumps.
"use strict";

const net = require("node:net");
const timers = require("node:timers");
const timersPromises = require("node:timers/promises");
const util = require("node:util");
const { AsyncResource } = require("node:async_hooks");
const { Clock, replaceClocks } = require("./clocks.cjs");
const { ExternalIO } = require("./external_io.cjs");
const { forMock } = require("./redirection.cjs");
const reasons = require("./reasons.cjs");
const { watchThreads } = require("./threads.cjs");
const { NativeIO, isNative, monotonic, replaceBunSleep } = require("./native_io.cjs");
const { replaceProcessTimeouts } = require("./process_timeouts.cjs");
const { replaceStanding } = require("./standing.cjs");

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
};

// What may be open while nothing is being worked on; anything else counts as work. The parent sees by itself
// whether another process works.
const AT_REST = new Set([
  "Timeout", "Immediate", "TickObject", "TCPSocketWrap", "TCPServerWrap", "TLSWrap", "TTYWrap", "PipeWrap",
  "SignalWrap", "FSEventWrap", "StatWatcher", "UDPWrap", "HTTPINCOMINGMESSAGE", "HTTPCLIENTREQUEST",
  "MessagePort", "Worker", "ProcessWrap",
]);
// Those of them through which no other process and no thread can say anything.
const ALONE = new Set(["Timeout", "Immediate", "TickObject", "TCPSocketWrap", "TLSWrap", "TTYWrap", "PipeWrap", "SignalWrap"]);
const LONGEST = 2 ** 31 - 1;
// Timers up to which the parent is told when each is due: to sort out more of them at each look would cost too much.
const MOST_DUES = 64;
// Looks that a thread lets pass after it has sent a request to the mock, and where no timer keeps its program alive.
const PATIENCE = 3;
// Questions in vain in a row after which it asks less often.
const OFTEN = 5;
// Looks in a row at which an immediate was pending, after which a program counts as one that always has one.
const SPINNING = 50;

class Timeout {
  constructor(schedule, callback, delay, args, repeat) {
    this.schedule = schedule;
    this.resource = new AsyncResource("Timeout");
    this.callback = callback;
    this.args = args;
    this.delay = delay >= 1 && delay <= LONGEST ? Math.trunc(delay) : 1;
    this.repeat = repeat;
    this.referenced = true;
    this.id = schedule.serial++;
    this.refresh();
  }

  ref() {
    this.referenced = true;
    this.schedule.changed();
    return this;
  }

  unref() {
    this.referenced = false;
    this.schedule.changed();
    return this;
  }

  hasRef() {
    return this.referenced;
  }

  refresh() {
    this.when = this.schedule.clock.now() + this.delay / 1000;
    this.order = this.schedule.serial++;
    this.schedule.pending.set(this.id, this);
    this.schedule.changed();
    return this;
  }

  close() {
    this.schedule.remove(this);
    return this;
  }

  [Symbol.toPrimitive]() {
    return this.id;
  }

  fire() {
    if (this.repeat) this.refresh();
    else this.schedule.remove(this);
    this.resource.runInAsyncScope(this.callback, this, ...this.args);
  }
}
if (Symbol.dispose) Timeout.prototype[Symbol.dispose] = Timeout.prototype.close;

class Schedule {
  constructor(clock, parent, timing) {
    this.pauses = {
      again: timing.look_again * 1000, rarely: timing.look_rarely * 1000, idle: timing.look_idle * 1000,
    };
    this.clock = clock;
    this.parent = parent;
    this.pending = new Map();
    this.serial = 1;
    this.activity = 0;
    this.running = false;
    this.pause = null;
    this.keeper = null;
    this.unpacking = 0;
    this.told = null;
    // Questions in vain since something last happened here.
    this.denied = 0;
    // The horizon that the parent told at the last jump, where that did not reach it: nobody was due on the way, and
    // nothing has come. A timer before it that does nothing but count needs no other horizon.
    this.ahead = null;
    // Looks to let pass after a request was sent to the mock: it soon answers, and that ends them.
    this.patience = 0;
    // Looks to let pass where no timer keeps the program alive: it may be about to end. Nothing of these looks holds
    // it, as a question does whose answer is waited for.
    this.ending = 0;
    // Until when the parent believes that this thread waits, by its last question.
    this.believed = -Infinity;
    // Whether a jump is asked for that has no answer yet.
    this.jumping = false;
    this.starting = 0;
    this.spun = 0;
    this.externalIO = new ExternalIO(() => clock.seconds(), parent, timing);
    this.nativeIO = new NativeIO(this, () => clock.seconds(), timing);
  }

  set(callback, delay, args, repeat = false) {
    if (typeof callback !== "function") {
      const error = new TypeError(`The "callback" argument must be of type function. Received ${typeof callback}`);
      throw Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
    }
    return new Timeout(this, callback, Number(delay), args, repeat);
  }

  clear(timer) {
    if (timer instanceof Timeout) this.remove(timer);
    else if (this.pending.has(Number(timer))) this.remove(this.pending.get(Number(timer)));
    else if (timer !== undefined && timer !== null) real.clearTimeout(timer);
  }

  remove(timer) {
    if (this.pending.delete(timer.id)) this.changed();
  }

  // Something was set, cleared or moved: a timer that keeps the process alive must keep it alive.
  changed() {
    this.activity += 1;
    this.denied = 0;
    if (this.jumping) {
      // Something has come while the parent looks whether it may make the jump: from here on it may not.
      this.jumping = false;
      this.believed = -Infinity;
      this.parent.tell({ ask: "awake" });
    }
    let alive = false;
    for (const timer of this.pending.values()) if (timer.referenced) { alive = true; break; }
    this.ending = alive ? 0 : PATIENCE;
    if (alive && this.keeper === null) this.keeper = real.setInterval(() => {}, LONGEST);
    else if (!alive && this.keeper !== null) {
      real.clearInterval(this.keeper);
      this.keeper = null;
    }
    this.wake();
  }

  // Look again as soon as the event loop has had a round.
  wake() {
    if (this.pause !== null) {
      real.clearTimeout(this.pause);
      this.pause = null;
      this.running = false;
    }
    if (this.running) return;
    this.running = true;
    real.setImmediate(() => this.look());
  }

  // Something came or went through a socket; `sent` where it was for the mock.
  spoke(sent) {
    this.ahead = null;
    this.patience = sent ? PATIENCE : 0;
    this.changed();
  }

  // Time may not jump yet: how long to wait before the next question. Many processes that ask and ask keep each
  // other, and the server, from resting.
  deny(activity) {
    this.denied += 1;
    this.rest(this.denied > OFTEN ? this.pauses.rarely : this.pauses.again, activity);
  }

  // This thread stands still now and says no more: what it said last does not hold for that long.
  stands() {
    this.activity += 1;
    this.told = null;
    this.ahead = null;
    if (this.parent.socket !== null) this.parent.tell({ ask: "awake", stands: true });
  }

  // Look again later; at once where something has been set or cleared since `activity`: what was said to the parent
  // then is no longer so, and while this thread sleeps nobody could see that.
  rest(milliseconds, activity = this.activity) {
    if (activity !== this.activity) {
      this.look();
      return;
    }
    this.pause = real.setTimeout(() => {
      this.pause = null;
      this.look();
    }, milliseconds).unref();
  }

  earliest() {
    let first = null;
    for (const timer of this.pending.values()) {
      if (first === null || timer.when < first.when || (timer.when === first.when && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }

  // When the timers after the first are due: nobody may jump over one while this thread still wakes for the first.
  later(due) {
    if (this.pending.size < 2 || this.pending.size > MOST_DUES) return [];
    return [...new Set([...this.pending.values()].map((timer) => timer.when))].filter((when) => when !== due);
  }

  look() {
    const first = this.earliest();
    if (first !== null && first.when <= this.clock.now()) {
      this.running = false;
      // Woken first: a callback that throws must not stop time.
      this.wake();
      first.fire();
      return;
    }
    const why = this.working();
    if (why !== null) {
      // Others must not take what was said last for what still holds.
      const due = first === null ? null : first.when;
      if (this.told !== `${why} ${due}`) this.parent.tell({ ask: "busy", due, why });
      this.told = `${why} ${due}`;
      this.believed = -Infinity;
      this.rest(this.pauses.again);
      return;
    }
    this.told = null;
    const activity = this.activity;
    if (this.patience > 0 || this.ending > 0) {
      this.patience -= 1;
      this.ending -= 1;
      if (this.believed > this.clock.now()) {
        // Something else has woken it: what it has set since, the parent does not know.
        this.believed = -Infinity;
        this.parent.tell({ ask: "awake" });
      }
      this.rest(this.pauses.again, activity);
      return;
    }
    if (this.ahead !== null && first !== null && first.when < this.ahead.horizon && this.alone()) {
      this.jump(this.ahead, activity);
      return;
    }
    const due = first === null ? null : first.when;
    this.believed = due ?? Infinity;
    this.parent.ask({ ask: "horizon", due, dues: this.later(due), did: activity }, (answer) => {
      if (answer === null || answer.horizon === null) this.deny(activity);
      else this.settle(() => this.jump(answer, activity));
    });
  }

  // Two rounds of the event loop: what had arrived when the parent answered has been handled then.
  settle(then) {
    real.setImmediate(() => real.setImmediate(then));
  }

  jump({ horizon, seen }, activity) {
    if (activity !== this.activity) {
      this.look();
      return;
    }
    const first = this.earliest();
    const limit = horizon === "inf" ? Infinity : horizon;
    const target = Math.min(limit, first === null ? Infinity : first.when);
    if (target === Infinity || this.working() !== null || (limit > target && this.nativeIO.owed())) {
      this.rest(target === Infinity ? this.pauses.idle : this.pauses.again);
      return;
    }
    this.ahead = null;
    this.jumping = true;
    this.parent.ask({ ask: "jump", to: target, seen }, (answer) => {
      this.jumping = false;
      if (answer === null || !answer.done) this.deny(activity);
      else {
        const next = answer.horizon === "inf" ? Infinity : answer.horizon;
        if (target < limit && target < next) this.ahead = { horizon: next, seen: answer.seen };
        this.nativeIO.note();
        this.look();
      }
    });
  }

  // Whether nothing but the mock can have something for this process, which the parent knows of.
  alone() {
    if (isNative || process.connected || this.externalIO.lines.size > 1) return false;
    return process.getActiveResourcesInfo().every((name) => ALONE.has(name));
  }

  // Why this thread lets no time jump, as it does something that takes real time: files, other services.
  working() {
    if (this.starting > 0) return reasons.STARTING;
    if (this.externalIO.awaited()) return reasons.OUTSIDE;
    if (this.nativeIO.arriving() || this.unpacking > 0) return reasons.WORK;
    const names = process.getActiveResourcesInfo();
    // The hook's own immediates have run when this is called: one that is pending is the program's.
    this.spun = names.includes("Immediate") ? this.spun + 1 : 0;
    return (this.spun > 0 && this.spun < SPINNING) || names.some((name) => !AT_REST.has(name)) ? reasons.WORK : null;
  }
}

// As Node's own, which no module gives out.
class AbortError extends Error {
  constructor(message, options) {
    super(message, options);
    this.code = "ABORT_ERR";
    this.name = "AbortError";
  }
}

function replaceTimers(schedule) {
  const setTimeout = (callback, delay, ...args) => schedule.set(callback, delay, args);
  const setInterval = (callback, delay, ...args) => schedule.set(callback, delay, args, true);
  const clear = (timer) => schedule.clear(timer);
  const wait = (delay, value, { signal, ref = true } = {}) => new Promise((resolve, reject) => {
    const aborted = () => new AbortError("The operation was aborted", { cause: signal.reason });
    if (signal?.aborted) {
      reject(aborted());
      return;
    }
    const onAbort = () => {
      schedule.clear(timer);
      reject(aborted());
    };
    const timer = schedule.set(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    }, delay, []);
    if (!ref) timer.unref();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  async function* every(delay, value, options) {
    for (;;) yield await wait(delay, value, options);
  }
  setTimeout[util.promisify.custom] = wait;
  const replaced = { setTimeout, setInterval, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, replaced);
  Object.assign(timers, replaced);
  Object.assign(timersPromises, { setTimeout: wait, setInterval: every });
  timersPromises.scheduler.wait = (delay, options) => wait(delay, undefined, options);
  AbortSignal.timeout = (delay) => {
    const controller = new AbortController();
    const reason = () => new DOMException("The operation was aborted due to timeout", "TimeoutError");
    schedule.set(() => controller.abort(reason()), delay, []).unref();
    return controller.signal;
  };
}

// Timeouts of sockets, and with them those of http and https.
function replaceSocketTimeouts(schedule) {
  const timer = Symbol("kling-mock: timeout");
  const read = Symbol("kling-mock: bytes read");
  const { setTimeout: originalSet, _unrefTimer: originalRefresh } = net.Socket.prototype;
  net.Socket.prototype.setTimeout = function setTimeout(delay, callback) {
    if (typeof delay !== "number" || !(delay >= 0) || !Number.isFinite(delay)) {
      return originalSet.call(this, delay, callback);
    }
    if (this.destroyed) return this;
    this.timeout = delay;
    if (this[timer]) schedule.clear(this[timer]);
    this[timer] = null;
    if (delay === 0) {
      if (callback) this.removeListener("timeout", callback);
      return this;
    }
    this[timer] = schedule.set(() => {
      if (!this.destroyed) this._onTimeout();
    }, delay, []).unref();
    if (callback) this.once("timeout", callback);
    return this;
  };
  // Called by Node for everything that is read and written.
  net.Socket.prototype._unrefTimer = function _unrefTimer() {
    // The connection with the parent is no work of the program's.
    if (this === schedule.parent.socket) return originalRefresh.call(this);
    for (let socket = this; socket; socket = socket._parent) {
      if (socket[timer] && !socket.destroyed) socket[timer].refresh();
    }
    const before = this[read] ?? 0;
    this[read] = this.bytesRead;
    schedule.spoke(Boolean(this[forMock]) && this[read] === before);
    return originalRefresh.call(this);
  };
}

// Compressed answers are unpacked in a thread of their own, which no list of resources names.
function watchUnpacking(schedule) {
  const zlib = require("node:zlib");
  let base = zlib.Gunzip.prototype;
  while (base !== null && !Object.hasOwn(base, "_transform")) base = Object.getPrototypeOf(base);
  if (base === null) return;
  const original = base._transform;
  base._transform = function _transform(chunk, encoding, done) {
    schedule.unpacking += 1;
    original.call(this, chunk, encoding, (...results) => {
      schedule.unpacking -= 1;
      schedule.changed();
      done(...results);
    });
  };
}

// A message to somebody in this process is on its way until the loop has come round.
function watchMessages(schedule) {
  const { MessagePort } = require("node:worker_threads");
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (...args) {
    schedule.activity += 1;
    return postMessage.apply(this, args);
  };
}

function fastForward(config, parent) {
  const clock = isNative ? new Clock(config.clock, monotonic(config.epoch)) : new Clock(config.clock);
  const schedule = new Schedule(clock, parent, config.timing);
  replaceTimers(schedule);
  replaceClocks(clock);
  replaceProcessTimeouts(schedule);
  if (isNative) {
    schedule.nativeIO.watch();
    replaceBunSleep(schedule);
  } else {
    replaceSocketTimeouts(schedule);
    watchUnpacking(schedule);
    watchMessages(schedule);
    watchThreads(schedule, parent);
    replaceStanding(schedule, config);
    schedule.externalIO.watch();
  }
  require("node:module").syncBuiltinESMExports();
}

module.exports = { fastForward };
