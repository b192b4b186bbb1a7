// Jobs as lanes on the server's clock; any instant of the past can be looked at.

import { $, button, fill, h } from "./dom.js";
import { clockTime, seconds, spans } from "./time.js";
import { VirtualList } from "./virtual_list.js";

const PLACES = 300; // of a lane, at each of which one mark is drawn
const STEPS = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];

const KINDS = ["plain", "finding", "violation", "fault"];

function kindOf(one) {
  if (one.fault) return "fault";
  if (one.violations.length || (one.status ?? 0) >= 400) return "violation";
  return one.findings.length ? "finding" : "plain";
}

export class Lanes {
  constructor(state, { onJob, onExchange }) {
    Object.assign(this, { state, onJob, onExchange });
    this.view = null; // [from, to] where somebody zoomed; null is all that there is
    this.list = new VirtualList($("lanes"), {
      draw: (job) => this.lane(job), key: (job) => job.id, empty: () => "No job yet.", follow: true, shown: () => this.paint(),
    });
    $("zoom-in").onclick = () => this.zoom(0.5);
    $("zoom-out").onclick = () => this.zoom(2);
    $("pan-left").onclick = () => this.pan(-0.25);
    $("pan-right").onclick = () => this.pan(0.25);
    $("fit").onclick = () => this.look(null);
    $("live").onclick = () => this.scrub(null);
    $("scrub").oninput = () => {
      const [from, to] = this.span();
      const place = Number($("scrub").value);
      this.scrub(place >= 1000 ? null : from + ((to - from) * place) / 1000);
    };
    $("lanes").addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.placeOf(event));
      else this.pan(Math.sign(event.deltaY || event.deltaX) * 0.1);
    }, { passive: false });
    $("lanes").addEventListener("keydown", (event) => {
      const act = { "+": () => this.zoom(0.5), "-": () => this.zoom(2), ArrowLeft: () => this.pan(-0.25), ArrowRight: () => this.pan(0.25), 0: () => this.look(null) }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
    state.watch(() => this.show());
    // The now-line moves while the clock runs and somebody looks.
    setInterval(() => { if (!document.hidden && this.state.clock.speed > 0 && this.state.at === null && this.state.jobs.size) this.paint(); }, 100);
  }

  /** All that there is: from the first job to now, with some room behind. */
  span() {
    const { state } = this;
    const first = state.jobs.size ? state.first : state.now() - 10;
    return [first, Math.max(state.now(), first + 5)];
  }

  shown() {
    if (this.view) return this.view;
    const [from, to] = this.span();
    const room = (to - from) * 0.04;
    return [from - room, to + room];
  }

  look(view) {
    this.view = view;
    this.paint();
  }

  zoom(by, around = 0.5) {
    const [from, to] = this.shown();
    const middle = from + (to - from) * around;
    const length = Math.max(0.02, (to - from) * by);
    this.look([middle - length * around, middle + length * (1 - around)]);
  }

  pan(by) {
    const [from, to] = this.shown();
    this.look([from + (to - from) * by, to + (to - from) * by]);
  }

  placeOf(event) {
    const box = $("axis").getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  }

  scrub(at) {
    this.state.at = at;
    if (at === null) $("scrub").value = 1000;
    this.state.changed();
  }

  show() {
    const at = this.state.at;
    $("instant").textContent = at === null ? "now" : clockTime(at);
    $("live").hidden = at === null;
    const jobs = [...this.state.jobs.values()];
    this.list.set(at === null ? jobs : jobs.filter((job) => job.made_at <= at));
  }

  lane(job) {
    const row = h("div", { class: "row lane", "data-job": job.id },
      button(job.id, () => this.onJob(job.id), { class: "mono name", title: `${job.id} ${job.model} ${job.scenario}` }),
      h("div", { class: "track" }), h("span", { class: "tag" }));
    row.tabIndex = -1;
    Object.assign(row.firstChild.style, { border: 0, background: "none", padding: 0, textAlign: "left" });
    return row;
  }

  /** Draw the lanes in sight, as of the instant that is looked at. */
  paint() {
    if (!this.list) return;
    const [from, to] = this.shown();
    const scale = 100 / (to - from);
    const instant = this.state.instant();
    const x = (moment) => Math.min(101, Math.max(-1, (moment - from) * scale));
    this.axis(from, to, scale);
    for (const row of this.list.drawn.values()) {
      const job = this.state.jobs.get(row.dataset.job);
      if (!job) continue;
      const status = this.state.statusOf(job) ?? "none";
      row.lastChild.textContent = status;
      row.lastChild.className = `tag ${status}`;
      const parts = spans(job, this.state.pollsOf(job)).flatMap(([name, begins, ends]) => this.part(name, begins, ends, instant, x));
      fill(row.children[1], parts, this.marks(job, instant, from, to).map((one) => this.mark(one, x)), h("u", { style: { left: `${x(instant)}%` } }));
    }
  }

  part(name, begins, ends, instant, x) {
    // What has been is drawn full, what is to come pale.
    const pieces = [[begins, Math.min(ends, instant), name], [Math.max(begins, instant), ends, `${name} later`]];
    return pieces.filter(([one, other]) => other > one && x(other) > x(one))
      .map(([one, other, kind]) => h("i", { class: kind, title: kind, style: { left: `${x(one)}%`, width: `${x(other) - x(one)}%` } }));
  }

  /** The exchanges of a job in sight, up to an instant; of those that fall together the worst one. */
  marks(job, instant, begins, ends) {
    const places = new Map();
    for (const one of this.state.marks.get(job.id) ?? []) {
      if (one.at < begins || one.at > Math.min(ends, instant)) continue;
      const place = Math.round(((one.at - begins) / (ends - begins)) * PLACES);
      const there = places.get(place);
      if (!there || KINDS.indexOf(kindOf(one)) >= KINDS.indexOf(kindOf(there))) places.set(place, one);
    }
    return [...places.values()];
  }

  mark(one, x) {
    const kind = kindOf(one);
    const title = `${one.number} ${one.method} ${one.status ?? "none"} ${one.word ?? ""} ${one.fault ?? ""}`;
    return h("b", { class: kind, title, style: { left: `${x(one.at)}%`, cursor: "pointer" }, onclick: () => this.onExchange(one.number) });
  }

  axis(from, to, scale) {
    const step = STEPS.find((one) => (to - from) / one <= 8) ?? (to - from) / 6;
    const ticks = [];
    const [first] = this.span();
    for (let place = Math.ceil((from - first) / step) * step; place <= to - first && ticks.length < 12; place += step) {
      const label = place < 0 ? `−${seconds(-place)}` : place === 0 ? "0" : seconds(place);
      ticks.push(h("span", { style: { left: `${(place + first - from) * scale}%` } }, label));
    }
    fill($("axis"), ticks);
  }
}
