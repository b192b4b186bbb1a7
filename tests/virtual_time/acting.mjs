// Lets programs happen, one after another, in tasks, worker threads and child processes of Node.
//
//     node acting.mjs PROGRAMS.jsonl BASE_URL PORT
//
// reads a program per line, and prints a line for each: how its steps ended, and when. BASE_URL is the mock's and
// PORT that of a server of the real world. A worker or a child is one actor: it tells the main thread what it puts
// and sets, and is told in turn.
import { exec, fork, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import { scheduler, setInterval as every, setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const HEADERS = { Authorization: "Bearer stress", "Content-Type": "application/json" };
const POLL = "/v2/video/generations?generation_id=";
const SELF = fileURLToPath(import.meta.url);
const MOST = 2 ** 31 - 1;

async function jobs(base, lengths) {
  const made = [];
  for (const length of lengths) {
    const prompt = length ? `[mock:poll-slow;seconds=${length};times=forever] A fox` : "A fox";
    const body = JSON.stringify({ model: "klingai/v2.5-turbo/pro/text-to-video", prompt });
    const answer = await fetch(`${base}/v2/video/generations`, { method: "POST", headers: HEADERS, body });
    made.push((await answer.json()).id);
  }
  return made;
}

const sleeps = [
  (ms) => new Promise((done) => setTimeout(done, ms)),
  (ms) => pause(ms),
  (ms) => scheduler.wait(ms),
  async (ms) => {
    for await (const _ of every(ms)) return;
  },
  (ms) => new Promise((done) => {
    const timer = setInterval(() => {
      clearInterval(timer);
      done();
    }, ms);
  }),
  (ms) => new Promise((done) => AbortSignal.timeout(ms).addEventListener("abort", done)),
  (ms) => {
    const waiting = new EventEmitter();
    return once(waiting, "never", { signal: AbortSignal.timeout(ms) }).catch(() => {});
  },
  (ms) => new Promise((done) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const socket = net.connect(server.address().port, "127.0.0.1");
      socket.setTimeout(ms, () => {
        socket.destroy();
        server.close(done);
      });
    });
    server.on("connection", (other) => other.on("error", () => {}));
  }),
  (ms) => new Promise((done) => exec(`sleep ${ms / 1000}`, done)),
  (ms) => new Promise((done) => spawn("sleep", [`${ms / 1000 + 1000}`], { timeout: ms }).on("exit", done)),
];

async function byFetch(url, ms) {
  const answer = await fetch(url, { headers: HEADERS, signal: AbortSignal.timeout(ms) });
  await answer.text();
}

function byHttp(url, ms) {
  return new Promise((done, failed) => {
    const asked = http.get(url, { headers: HEADERS, timeout: ms, agent: false }, (answer) => {
      answer.resume().on("end", done);
    });
    asked.on("timeout", () => asked.destroy(new Error("late")));
    asked.on("error", failed);
  });
}

async function byRace(url, ms) {
  const aborting = new AbortController();
  const late = pause(ms, "late", { signal: aborting.signal });
  const got = fetch(url, { headers: HEADERS, signal: aborting.signal }).then((answer) => answer.text());
  got.catch(() => {});
  late.catch(() => {});
  const first = await Promise.race([got, late]);
  aborting.abort();
  if (first === "late") throw new Error("late");
}

const asks = [byFetch, byHttp, byRace];

// What an actor waits for: things that come, each once.
class Things {
  constructor() {
    this.tokens = 0;
    this.waiting = [];
  }

  come() {
    const one = this.waiting.shift();
    if (one) one("done");
    else this.tokens += 1;
  }

  all() {
    this.tokens = Infinity;
    for (const one of this.waiting.splice(0)) one("done");
  }

  async take(seconds) {
    if (this.tokens > 0) {
      this.tokens -= 1;
      return "done";
    }
    return new Promise((done) => {
      let timer = null;
      const told = (how) => {
        if (timer !== null) clearTimeout(timer);
        done(how);
      };
      this.waiting.push(told);
      if (seconds !== null) {
        timer = setTimeout(() => {
          this.waiting.splice(this.waiting.indexOf(told), 1);
          done("late");
        }, Math.min(seconds * 1000, MOST));
      }
    });
  }
}

// One actor's steps; `tell` says what it puts and sets.
class Actor {
  constructor({ steps, base, made, port, start }, locks, tell) {
    Object.assign(this, { steps, base, made, port, start, locks, tell });
    this.queue = new Things();
    this.events = [new Things(), new Things()];
  }

  hear({ put, set }) {
    if (put !== undefined) this.queue.come();
    if (set !== undefined) this.events[set].all();
  }

  async act() {
    const ends = [];
    let had = "late";
    for (const [kind, way, ...rest] of this.steps) {
      let how = "done";
      if (kind !== "unlock" || had === "done") how = (await this[kind](Number(way), ...rest)) ?? "done";
      if (kind === "lock") had = how;
      ends.push([how, (Date.now() - this.start[0]) / 1000, (performance.now() - this.start[1]) / 1000]);
    }
    return ends;
  }

  async sleep(way, seconds) {
    await sleeps[way % sleeps.length](Math.round(seconds * 1000));
  }

  async ask(way, job, seconds) {
    try {
      await asks[way % asks.length](this.base + POLL + this.made[job], Math.round(seconds * 1000));
    } catch (error) {
      if (error.message === "late" || error.name === "TimeoutError") return "late";
      throw error;
    }
    return "done";
  }

  async outside(way, milliseconds) {
    const socket = net.connect(this.port, "127.0.0.1");
    socket.write(`${milliseconds}\n`);
    const [answer] = await once(socket, "data");
    if (String(answer) !== "answer\n") throw new Error(`received ${answer}`);
    socket.destroy();
  }

  put(way, queue) {
    this.tell({ put: queue });
  }

  get(way, queue, seconds) {
    return this.queue.take(seconds);
  }

  set(way, event) {
    this.tell({ set: event });
  }

  wait(way, event, seconds) {
    return this.events[event].take(seconds);
  }

  lock(way, lock, seconds) {
    return this.locks.get(lock).take(seconds);
  }

  unlock(way, lock) {
    this.locks.get(lock).come();
  }
}

async function actOne(program, base, made, port) {
  const locks = new Map([10, 11].map((number) => [number, new Things()]));
  for (const lock of locks.values()) lock.come();
  const actors = [];
  const tell = ({ put, set }) => {
    if (put !== undefined) actors[put].hear({ put });
    if (set !== undefined) for (const actor of actors) actor.hear({ set });
  };
  const start = [Date.now(), performance.now()];
  for (const { kind, steps } of program.actors) {
    const told = { steps, base, made, port, start };
    if (kind === "task") actors.push(new Actor(told, locks, tell));
    else actors.push(kind === "worker" ? inWorker(told, tell) : inProcess(told, tell));
  }
  return Promise.all(actors.map((actor) => actor.act()));
}

// An actor elsewhere; `send` is said to it, and it says through `hear` what it does and how it ended.
function elsewhere(place, send, tell) {
  const ended = new Promise((done, failed) => {
    place.on("message", (message) => (message.ends ? done(message.ends) : tell(message)));
    place.on("error", failed);
  });
  const gone = once(place, "exit");
  return { hear: send, act: async () => { const ends = await ended; await gone; return ends; } };
}

function inWorker(told, tell) {
  const worker = new Worker(SELF, { workerData: { ...told, origin: performance.timeOrigin } });
  return elsewhere(worker, (message) => worker.postMessage(message), tell);
}

function inProcess(told, tell) {
  const child = fork(SELF, ["--child"]);
  child.send(told);
  return elsewhere(child, (message) => child.connected && child.send(message, () => {}), tell);
}

async function beElsewhere(told, port) {
  const { port1: keeper } = new MessageChannel();
  keeper.on("message", () => {});
  // What only measures begins anew in each thread and process.
  told.start[1] = performance.now() - (Date.now() - told.start[0]);
  const actor = new Actor(told, new Map(), (message) => (port.postMessage ? port.postMessage(message) : port.send(message)));
  port.on("message", (message) => actor.hear(message));
  const ends = await actor.act();
  keeper.close();
  if (port.postMessage) {
    port.postMessage({ ends });
    port.close();
  } else port.send({ ends }, () => process.disconnect());
}

if (!isMainThread) await beElsewhere(workerData, parentPort);
else if (process.argv[2] === "--child") process.once("message", (told) => beElsewhere(told, process));
else {
  const [file, base, port] = process.argv.slice(2);
  const programs = fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const made = await jobs(base, programs[0].lengths);
  // The timers of signals keep no process alive.
  const { port1: keeper } = new MessageChannel();
  keeper.on("message", () => {});
  for (const program of programs) {
    const ends = await actOne(program, base, made, Number(port));
    process.stdout.write(`${JSON.stringify({ seed: program.seed, ends })}\n`);
  }
  keeper.close();
}
