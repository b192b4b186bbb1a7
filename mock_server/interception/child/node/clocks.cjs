// Virtual time as a program reads it: the mock's clock, and all that shows it.
"use strict";

const fs = require("node:fs");
const perf = require("node:perf_hooks");
const vm = require("node:vm");

const real = {
  hrtime: process.hrtime.bigint.bind(process.hrtime),
  performanceNow: performance.now.bind(performance),
  mark: performance.mark.bind(performance),
  measure: performance.measure.bind(performance),
  uptime: process.uptime.bind(process),
  Date,
};

// The clock file as PROTOCOL.md has it: version, serial, virtual, real, speed, serial again.
const VERSION = 1;
const FIELDS = 6;

class Clock {
  // `seconds` tells the system's monotonic ones.
  constructor(file, seconds = () => Number(real.hrtime()) / 1e9) {
    this.seconds = seconds;
    this.descriptor = fs.openSync(file, "r");
    this.numbers = new Float64Array(FIELDS);
    this.bytes = new Uint8Array(this.numbers.buffer);
    this.read();
    if (this.numbers[0] !== VERSION) {
      throw new Error(`expected a clock file of version ${VERSION}, found ${this.numbers[0]}`);
    }
    this.start = this.now();
    // What the clocks that only measure showed then: asked again beside `gone` they could run backwards.
    this.begun = { elapsed: real.performanceNow(), nanoseconds: real.hrtime(), uptime: real.uptime() };
  }

  read() {
    fs.readSync(this.descriptor, this.bytes, 0, this.bytes.length, 0);
  }

  // Virtual seconds since the epoch.
  now() {
    for (;;) {
      this.read();
      const [, serial, virtual, at, speed, again] = this.numbers;
      if (serial === again) return virtual + (this.seconds() - at) * speed;
    }
  }

  // Virtual seconds since the start.
  gone() {
    return this.now() - this.start;
  }
}

function replaceClocks(clock) {
  const now = () => Math.trunc(clock.now() * 1000);
  globalThis.Date = new Proxy(real.Date, {
    construct: (target, args, made) => Reflect.construct(target, args.length ? args : [now()], made),
    apply: () => new real.Date(now()).toString(),
  });
  real.Date.now = now;
  real.Date.prototype.constructor = globalThis.Date;
  const elapsed = () => clock.begun.elapsed + clock.gone() * 1000;
  Object.defineProperty(perf.performance, "now", { value: elapsed, writable: true, configurable: true });
  const nanoseconds = () => clock.begun.nanoseconds + BigInt(Math.trunc(clock.gone() * 1e9));
  const hrtime = (before) => {
    const all = nanoseconds() - (before ? BigInt(before[0]) * 1000000000n + BigInt(before[1]) : 0n);
    return [Number(all / 1000000000n), Number(all % 1000000000n)];
  };
  hrtime.bigint = nanoseconds;
  process.hrtime = hrtime;
  process.uptime = () => clock.begun.uptime + clock.gone();
  replaceMarks(elapsed);
  replaceFormats(now);
  replaceTemporal(now);
  replaceContexts(now);
}

// A context of `vm` has a `Date` and a `Temporal` of its own.
function replaceContexts(now) {
  const { createContext } = vm;
  const replace = `(now) => {
    const real = Date;
    const construct = (target, args, made) => Reflect.construct(target, args.length ? args : [now()], made);
    globalThis.Date = new Proxy(real, { construct, apply: () => new real(now()).toString() });
    real.now = now;
    real.prototype.constructor = globalThis.Date;
    (${replaceTemporal})(now);
  }`;
  const known = new WeakSet();
  vm.createContext = function (...args) {
    const context = createContext.apply(this, args);
    if (known.has(context)) return context;
    known.add(context);
    const before = vm.runInContext("globalThis.Date", context);
    if (typeof before === "function" && before !== globalThis.Date) vm.runInContext(replace, context)(now);
    return context;
  };
  // Node's own make their contexts by themselves.
  const options = ({ contextName: name, contextOrigin: origin, contextCodeGeneration, microtaskMode } = {}) => {
    const given = { name, origin, codeGeneration: contextCodeGeneration, microtaskMode };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  };
  const inNew = (given) => (typeof given === "string" ? {} : given);
  vm.runInNewContext = function (code, object, given) {
    return vm.runInContext(code, vm.createContext(object, options(inNew(given))), given);
  };
  const runInNewContext = function (object, given) {
    return this.runInContext(vm.createContext(object, options(given)), given);
  };
  // Not assigned: Bun's is for reading only.
  Object.defineProperty(vm.Script.prototype, "runInNewContext", { value: runInNewContext, writable: true });
}

// `Temporal.Now`, where this Node has it. It stands by itself: contexts are given its source.
function replaceTemporal(now) {
  const Temporal = globalThis.Temporal;
  if (!Temporal?.Now) return;
  const { timeZoneId } = Temporal.Now;
  const instant = () => Temporal.Instant.fromEpochMilliseconds(now());
  const zoned = (zone = timeZoneId()) => instant().toZonedDateTimeISO(zone);
  const replaced = {
    instant,
    zonedDateTimeISO: (zone) => zoned(zone),
    plainDateTimeISO: (zone) => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone) => zoned(zone).toPlainDate(),
    plainTimeISO: (zone) => zoned(zone).toPlainTime(),
  };
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(Temporal.Now, name, { value, writable: true, configurable: true });
  }
}

function replaceMarks(elapsed) {
  const mark = (name, options) => real.mark(name, { ...options, startTime: options?.startTime ?? elapsed() });
  const measure = (name, start, end) => {
    if (end !== undefined) return real.measure(name, start, end);
    const options = typeof start === "string" ? { start } : { ...start };
    if (options.end === undefined && (options.start === undefined || options.duration === undefined)) {
      options.end = elapsed();
    }
    return real.measure(name, options);
  };
  for (const [name, value] of Object.entries({ mark, measure })) {
    Object.defineProperty(perf.performance, name, { value, writable: true, configurable: true });
  }
}

// What formats the present moment when it is given none.
function replaceFormats(now) {
  const { prototype } = Intl.DateTimeFormat;
  const { get } = Object.getOwnPropertyDescriptor(prototype, "format");
  const bound = new WeakMap();
  Object.defineProperty(prototype, "format", {
    configurable: true,
    get() {
      const original = get.call(this);
      if (!bound.has(original)) bound.set(original, (date) => original(date === undefined ? now() : date));
      return bound.get(original);
    },
  });
  const { formatToParts } = prototype;
  prototype.formatToParts = function (date) {
    return formatToParts.call(this, date === undefined ? now() : date);
  };
}

module.exports = { Clock, replaceClocks };
