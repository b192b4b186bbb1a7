// What clients broke so far, what it costs, how it is mended; and the bill.

import { $, button, fill, h } from "./dom.js";
import { get } from "./server.js";

const MOST_SHOWN = 30;

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
    const broken = found.verdict === "broken";
    const tests = found.tests > 1 ? ` of ${many(found.tests, "test")}` : "";
    fill($("verdict"), h("div", { class: "cards" },
      h("div", { class: "card" },
        h("h2", { class: broken ? "violation" : "tag completed" }, broken ? "Broken" : "Kept"),
        h("p", {}, `${many(found.required, "required rule")} broken, ${many(found.advice, "piece")} of advice, in ${many(found.exchanges, "exchange")}${tests}, ${many(found.jobs, "job")}.`),
        h("p", {}, bill(found.charges))),
      found.breaches.map((breach) => this.card(breach)),
      found.open.map((breach) => h("article", { class: "card open" },
        h("h2", {}, `${breach.id} ${breach.name} `, h("span", { class: "faint" }, "open")),
        h("p", {}, marked(`Would be told if all ended now${breach.jobs.length ? ` of ${breach.jobs.slice(0, 8).join(", ")}` : ""}: ${breach.says}`)))),
      found.breaches.length === 0 && h("p", { class: "faint" }, `Nothing found among the rules ${found.checked.join(", ")}.`)));
  }

  card(breach) {
    const numbers = [...breach.exchanges].sort((one, other) => one - other);
    const shown = numbers.slice(0, MOST_SHOWN);
    return h("article", { class: "card" },
      h("h2", {}, `${breach.id} ${breach.name} `, h("span", { class: "faint" }, breach.weight)),
      h("p", {}, marked(breach.says[0].toUpperCase() + breach.says.slice(1))),
      h("p", {}, h("b", {}, "It costs: "), marked(breach.cost)), h("p", {}, h("b", {}, "Mend it: "), marked(breach.mend)),
      h("div", { class: "refs" }, h("span", { class: "faint" }, `${breach.times}×, ${numbers.length === 1 ? "exchange" : "exchanges"}`),
        shown.map((number) => button(number, () => this.onExchange(number))),
        numbers.length > shown.length && h("span", { class: "faint" }, `and ${numbers.length - shown.length} more`)));
  }
}

function many(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function bill({ billed, usd, without_price: without }) {
  if (!billed) return "Nothing would have been billed.";
  const sum = without === billed ? "no price is known" : `$${usd.toFixed(4)}${without ? `, and ${without} without a known price` : ""}`;
  return `Would have been billed: ${many(billed, "job")}, ${sum}.`;
}

/** A sentence in which what stands in backticks is a program's word. */
function marked(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}
