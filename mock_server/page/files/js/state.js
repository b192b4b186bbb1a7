// What the page knows of a workspace. Snapshots and events change it; views read it once in a frame.

import { statusAt } from "./time.js";

const MOST_EXCHANGES = 10_000;
const MOST_JOBS = 2_000;
const MOST_CHOICES = 300;
export const FILTERED = ["method", "status", "word", "model", "scenario"];

export class State {
  constructor() {
    this.watchers = new Set();
    this.waiting = false;
    this.at = null; // the instant that is looked at; null is now
    this.verdict = null;
    this.clear();
    this.clock = { now: Date.now() / 1000, speed: 0, read: performance.now() };
    this.scenario = { scenario: "", next: [] };
  }

  clear() {
    this.jobs = new Map();
    this.exchanges = [];
    this.polls = new Map();
    this.marks = new Map();
    this.seen = {}; // the values of the fields that one filters by
    for (const name of FILTERED) this.seen[name] = new Set();
    this.made = 0;
    this.charges = null;
    this.older = false;
  }

  /** Call `watcher` in the next frame, and once in each frame before which something changed. */
  watch(watcher) {
    this.watchers.add(watcher);
    this.changed();
  }

  changed() {
    if (this.waiting) return;
    this.waiting = true;
    const told = () => {
      if (!this.waiting) return;
      this.waiting = false;
      for (const watcher of this.watchers) watcher(this);
    };
    requestAnimationFrame(told);
    // A page that is not to be seen gets no frames; it must not grow behind for that.
    if (document.hidden) setTimeout(told, 200);
  }

  /** What there is; `again` where events were lost: exchanges that are known already stay, if none is missing. */
  snapshot(data, again = false) {
    const known = again && data.resets === this.resets ? this.exchanges : [];
    this.clear();
    this.resets = data.resets;
    const next = data.exchanges[0]?.number ?? Infinity;
    if (known.length && known.at(-1).number >= next - 1) for (const exchange of known) this.keep(exchange);
    this.workspace = data.workspace;
    this.setClock(data.clock);
    this.scenario = data.scenario;
    this.charges = data.charges;
    this.made = data.made;
    for (const exchange of data.exchanges) this.keep(exchange);
    for (const job of data.jobs) this.addJob(job);
    this.older = data.total > this.exchanges.length;
    this.changed();
  }

  event(kind, data) {
    if (kind === "exchange" || kind === "exchange-opened") this.keep(data);
    else if (kind === "job-made") { this.addJob({ ...data, skipped: 0 }); this.made += 1; }
    else if (kind === "clock") this.setClock(data);
    else if (kind === "scenario") this.scenario = data;
    else if (kind === "reset") { this.clear(); this.at = null; }
    this.changed();
  }

  setClock({ now, speed }) {
    this.clock = { now, speed, read: performance.now() };
  }

  /** The server's now. */
  now() {
    return this.clock.now + ((performance.now() - this.clock.read) / 1000) * this.clock.speed;
  }

  /** The instant that is shown. */
  instant() {
    return this.at ?? this.now();
  }

  addJob(job) {
    if (job.by === "polls" && job.skipped === undefined) {
      // What moved it on that was no poll, or a poll that is not known here.
      const answered = (this.polls.get(job.id) ?? []).filter((poll) => poll.state !== null).length;
      job.skipped = Math.max(0, job.progress - answered);
    }
    this.jobs.set(job.id, job);
    if (this.jobs.size > MOST_JOBS) this.jobs.delete(this.jobs.keys().next().value);
    // They come in the order in which they were made.
    this.first = this.jobs.values().next().value.made_at;
  }

  keep(exchange) {
    for (const name of FILTERED) {
      // Clients may send any number of model ids: what is not among these is searched for.
      if (this.seen[name].size < MOST_CHOICES) this.seen[name].add(String(exchange[name] ?? "none"));
    }
    const list = this.exchanges;
    let place = list.length;
    while (place > 0 && list[place - 1].number > exchange.number) place -= 1;
    if (place > 0 && list[place - 1].number === exchange.number) {
      this.unmark(list[place - 1]);
      list[place - 1] = exchange;
    } else {
      list.splice(place, 0, exchange);
      if (list.length > MOST_EXCHANGES) this.unmark(list.shift());
    }
    if (exchange.job_id === null) return;
    push(this.marks, exchange.job_id, exchange);
    if (exchange.kind === "poll") push(this.polls, exchange.job_id, exchange);
  }

  unmark(exchange) {
    for (const index of [this.marks, this.polls]) {
      const list = index.get(exchange.job_id);
      const place = list ? list.findIndex((one) => one.number === exchange.number) : -1;
      if (place >= 0) list.splice(place, 1);
      if (list && !list.length) index.delete(exchange.job_id);
    }
  }

  pollsOf(job) {
    return this.polls.get(job.id) ?? [];
  }

  statusOf(job) {
    return statusAt(job, this.instant(), this.pollsOf(job));
  }

  statusAtNow(job) {
    return statusAt(job, this.now(), this.pollsOf(job));
  }

  /** The ids of rules that the verdict says an exchange breaks. */
  rulesOf(number) {
    if (!this.verdict) return [];
    return this.verdict.breaches.filter((breach) => breach.exchanges.includes(number));
  }
}

function push(index, key, value) {
  const list = index.get(key);
  if (list) list.push(value);
  else index.set(key, [value]);
}
