// The table of exchanges: filtered, searched and sorted here, of what the page has.

import { $, choices, copying, fill, h } from "./dom.js";
import { origin } from "./place.js";
import { get } from "./server.js";
import { FILTERED } from "./state.js";
import { clockTime, seconds } from "./time.js";
import { VirtualList } from "./virtual_list.js";

const COLUMNS = [
  ["#", "number"], ["time", "at"], ["method", "method"], ["path", "path"], ["status", "status"],
  ["word", "word"], ["job", "job_id"], ["model", "model"], ["scenario", "scenario"], ["notes", "notes"],
];

const BODY = '{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}';
const FIRST = `curl -s ORIGIN/v2/video/generations -H 'Authorization: Bearer any-key' -H 'Content-Type: application/json' -d '${BODY}'`;

export class Exchanges {
  constructor(state, open) {
    Object.assign(this, { state, open });
    [this.offered, this.counted] = [{}, {}]; // the choices of the filters
    this.by = "number";
    this.up = true;
    this.chosen = null;
    this.list = new VirtualList($("rows"), {
      draw: (one) => this.row(one),
      key: (one) => `${one.number}/${one.ended_at}/${one.number === this.chosen}/${this.state.rulesOf(one.number).length}`,
      empty: () => this.nothing(),
      follow: true,
    });
    $("rows").addEventListener("pointerleave", () => this.show());
    $("rows").addEventListener("scroll", () => { if ($("rows").scrollTop < 40) this.loadOlder(); });
    $("filters").addEventListener("input", () => this.show());
    $("filters").addEventListener("reset", () => setTimeout(() => this.show()));
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    this.heads();
    state.watch(() => { this.show(); this.reach(); });
  }

  heads() {
    fill($("heads"), COLUMNS.map(([title, name]) => {
      const sorted = this.by === name;
      const press = () => { this.up = sorted ? !this.up : true; this.by = name; this.heads(); this.show(true); };
      const label = `${title}, ${sorted ? (this.up ? "ascending" : "descending") : "not sorted"}`;
      return h("button", { type: "button", onclick: press, "aria-label": label, "aria-pressed": String(sorted) },
        title + (sorted ? (this.up ? " ▴" : " ▾") : ""));
    }));
  }

  row(one) {
    const query = one.query ? `?${one.query}` : "";
    const rules = this.state.rulesOf(one.number).map((breach) => breach.id);
    const notes = [
      one.fault && h("span", { class: "violation" }, `⚡${one.fault} `),
      one.violations.length > 0 && h("span", { class: "violation" }, `✖${one.violations.length} `),
      one.findings.length > 0 && h("span", { class: "finding" }, `△${one.findings.length} `),
      rules.length > 0 && h("span", { class: "violation" }, rules.join(" ")),
    ];
    return h("button", {
      type: "button", class: "row", "aria-pressed": String(one.number === this.chosen), "data-number": one.number,
      onclick: () => this.choose(one.number),
    },
    h("span", { class: "faint" }, one.number), h("span", { class: "faint" }, clockTime(one.at)), h("span", {}, one.method),
    h("span", { title: one.path + query }, one.path + query),
    h("span", { class: `status-${Math.floor((one.status ?? 0) / 100)}` }, one.ended_at === null ? "…" : one.status ?? "none"),
    h("span", { class: `tag ${one.state ?? "none"}` }, one.word ?? ""),
    h("span", { class: "mono job", title: one.job_id ?? "" }, one.job_id ?? h("span", { class: "narrow" }, one.path)), h("span", { title: one.model ?? "" }, one.model ?? ""),
    h("span", { title: one.scenario ?? "" }, one.scenario ?? ""), h("span", {}, notes));
  }

  /** What stands where no exchange does: how the first one is made, or that the filters leave none. */
  nothing() {
    if (this.state.exchanges.length) return "No exchange is left by the filters, or was there at that instant.";
    const command = FIRST.replace("ORIGIN", origin());
    return ["No exchange yet. Give your client this address and any key, or make a job here:", h("pre", {}, command),
      h("div", { class: "copies" }, copying("Copy", () => command))];
  }

  choose(number) {
    this.chosen = number;
    this.show(true);
    this.open(number);
  }

  /** The exchanges that the filters leave. */
  matching() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERED.map((name) => [name, $(`filter-${name}`).value]).filter(([, value]) => value);
    const rule = $("filter-rule").value;
    const numbers = rule && new Set((this.state.verdict?.breaches ?? []).filter((one) => one.id === rule).flatMap((one) => one.exchanges));
    const until = this.state.at;
    if (until === null && !wanted.length && !numbers && !words.length) return this.state.exchanges.slice();
    return this.state.exchanges.filter((one) =>
      (until === null || one.at <= until)
      && wanted.every(([name, value]) => String(one[name] ?? "none") === value)
      && (!numbers || numbers.has(one.number))
      && (!words.length || words.every((word) => textOf(one).includes(word))));
  }

  show(now = false) {
    const all = this.state.exchanges;
    for (const name of FILTERED) {
      const seen = this.state.seen[name];
      if (this.offered[name] === seen && this.counted[name] === seen.size) continue;
      [this.offered[name], this.counted[name]] = [seen, seen.size];
      choices($(`filter-${name}`), [...seen].sort(), "all");
    }
    choices($("filter-rule"), [...new Set((this.state.verdict?.breaches ?? []).map((one) => one.id))].sort(), "all");
    const found = this.matching();
    $("matching").textContent = found.length === all.length ? `${all.length}` : `${found.length} of ${all.length}`;
    if (this.by !== "number" || !this.up) {
      // Rows must not move under a pointer: the order waits until it has left.
      if (this.list.pointed && !now) return;
      const sign = this.up ? 1 : -1;
      const value = this.by === "notes" ? (one) => one.violations.length + one.findings.length + (one.fault ? 1 : 0) : (one) => one[this.by] ?? "";
      found.sort((one, other) => sign * (value(one) > value(other) ? 1 : value(one) < value(other) ? -1 : one.number - other.number));
    }
    this.list.set(found);
  }

  /** An instant before the oldest exchange that is known asks for older ones. */
  reach() {
    const { at, exchanges } = this.state;
    if (at !== null && exchanges.length && at < exchanges[0].at) this.loadOlder();
  }

  async loadOlder() {
    const { state } = this;
    if (!state.older || this.loading || !state.exchanges.length) return;
    this.loading = true;
    try {
      const before = state.exchanges[0].number;
      const page = await get(`exchanges?limit=500&bodies=false&before=${before}`);
      state.older = page.before !== null;
      const shown = this.list.items.length;
      for (const one of page.exchanges) state.keep(one);
      this.show(true);
      this.list.moveBy(this.list.items.length - shown);
      state.changed();
    } finally {
      this.loading = false;
    }
  }
}

const texts = new WeakMap();

/** All that a search looks at, in small letters. */
function textOf(one) {
  let text = texts.get(one);
  if (text === undefined) texts.set(one, text = written(one));
  return text;
}

function written(one) {
  const problems = [...one.violations, ...one.findings].map((problem) => `${problem.path} ${problem.expected}`);
  return [one.number, one.method, one.path, one.query, one.status, one.word, one.job_id, one.model, one.scenario, one.fault, one.kind, ...problems, seconds(one.took)]
    .join(" ").toLowerCase();
}
