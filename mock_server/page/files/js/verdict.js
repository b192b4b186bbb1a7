// What clients broke so far, what it costs, how it is mended; and the bill.

import { $, button, fill, h } from "./dom.js";
import { get } from "./server.js";

export class Verdict {
  constructor(state, { onExchange, onTrouble }) {
    Object.assign(this, { state, onExchange, onTrouble });
    this.seen = "";
    $("verdict").className = "pad";
    state.watch(() => { if (!$("verdict").hidden) this.later(); });
  }

  later() {
    clearTimeout(this.timer);
    const seen = this.stamp();
    if (seen !== this.seen) this.timer = setTimeout(() => this.refresh(), 400);
  }

  stamp() {
    const last = this.state.exchanges.at(-1);
    return `${last?.number}/${last?.ended_at}/${this.state.made}`;
  }

  /** Ask for the verdict, where something has happened since. */
  async refresh() {
    const seen = this.stamp();
    if (seen === this.seen && this.state.verdict) return;
    try {
      this.state.verdict = await get("verdict?format=json");
      this.seen = seen;
      this.draw();
      this.state.changed();
    } catch (error) {
      this.onTrouble(error.message);
    }
  }

  draw() {
    const found = this.state.verdict;
    const { charges } = found;
    fill($("verdict"), h("div", { class: "cards" },
      h("div", { class: "card" },
        h("h2", { class: found.verdict === "broken" ? "violation" : "tag completed" }, found.verdict === "broken" ? "Broken" : "Kept"),
        h("p", {}, `${found.required} required rules broken, ${found.advice} pieces of advice, ${found.exchanges} exchanges of ${found.tests} tests, ${found.jobs} jobs.`),
        h("p", {}, `Would have been billed: ${charges.billed} jobs, $${charges.usd.toFixed(4)}${charges.without_price ? `, ${charges.without_price} without a known price` : ""}.`)),
      found.breaches.map((breach) => h("article", { class: "card" },
        h("h2", {}, `${breach.id} ${breach.name} `, h("span", { class: "faint" }, breach.weight)),
        h("p", {}, breach.says), h("p", {}, h("b", {}, "It costs: "), breach.cost), h("p", {}, h("b", {}, "Mend it: "), breach.mend),
        h("div", { class: "refs" }, h("span", { class: "faint" }, `${breach.times}×, exchanges`), breach.exchanges.slice(0, 30).map((number) => button(number, () => this.onExchange(number)))))),
      found.open.map((breach) => h("article", { class: "card open" },
        h("h2", {}, `${breach.id} ${breach.name} `, h("span", { class: "faint" }, "open")),
        h("p", {}, `Would be told if all ended now${breach.jobs.length ? ` of ${breach.jobs.slice(0, 8).join(", ")}` : ""}: ${breach.says}`))),
      found.breaches.length === 0 && h("p", { class: "faint" }, `Nothing found among the rules ${found.checked.join(", ")}.`)));
  }
}
