// The clock and the figures at the top.

import { $, h, fill } from "./dom.js";
import { get, post } from "./server.js";
import { clockTime } from "./time.js";

const SPEEDS = [0, 0.1, 1, 2, 10, 60, 600];

/** A model without a price has none: it is not counted as nothing. */
function billed(charges) {
  const usd = `$${charges.usd.toFixed(2)}`;
  const without = charges.billed - charges.priced;
  if (!charges.billed) return "nothing billed";
  if (!without) return `${charges.billed} billed, ${usd}`;
  return `${charges.billed} billed, ${charges.priced ? `${usd} and ${without} without a price` : "no price known"}`;
}

export class Head {
  constructor(state, { onTrouble }) {
    this.state = state;
    this.before = 1;
    const act = async (body) => {
      try {
        state.setClock(await post("clock", body));
        state.changed();
        onTrouble("");
      } catch (error) {
        onTrouble(error.message);
      }
    };
    $("pause").onclick = () => act({ speed: state.clock.speed === 0 ? this.before : 0 });
    $("step").onclick = () => act({ advance: 1 });
    $("finish").onclick = () => act({ until: "finished" });
    $("speed").onchange = () => act({ speed: Number($("speed").value) });
    state.watch(() => this.show());
    setInterval(() => this.tick(), 250);
    setInterval(() => { if (!document.hidden) this.spaces(); }, 60_000);
  }

  tick() {
    const text = clockTime(this.state.now(), false);
    if ($("now").textContent !== text) $("now").textContent = text;
  }

  show() {
    const { speed } = this.state.clock;
    if (speed > 0) this.before = speed;
    $("pause").textContent = speed === 0 ? "Run" : "Pause";
    const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((one, other) => one - other);
    if (document.activeElement !== $("speed") || $("speed").options.length !== speeds.length) {
      fill($("speed"), speeds.map((one) => new Option(one === 0 ? "paused" : `×${one}`, one)));
      $("speed").value = speed;
    }
    $("made").textContent = this.state.made;
    $("count").textContent = this.state.exchanges.at(-1)?.number ?? 0;
    this.tick();
    this.bill();
  }

  /** The sums, asked for once things have come to rest: not with each exchange. */
  bill() {
    const { charges } = this.state;
    if (charges) $("billed").textContent = billed(charges);
    if (this.billed === this.state.made) return;
    const made = this.state.made;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      this.state.charges = await get("charges?limit=0").catch(() => this.state.charges);
      this.billed = made;
      this.state.changed();
    }, 300);
  }

  async spaces() {
    const found = await get("workspaces").catch(() => null);
    if (!found) return;
    const { root } = await import("./place.js");
    const here = this.state.workspace ?? "";
    const rows = found.workspaces.some((row) => row.name === "") ? found.workspaces : [{ name: "" }, ...found.workspaces];
    fill($("spaces"), rows.length > 1 && rows.map((row) => h("a", {
      href: `${root()}${row.name ? `/@${row.name}` : ""}/_mock/`, "aria-current": row.name === here ? "page" : null,
    }, row.name || "default")));
  }
}
