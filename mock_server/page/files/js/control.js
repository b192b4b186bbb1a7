// The options of the server and the reset, beside the scenario of what is created next.

import { $, button, fill, h } from "./dom.js";
import { Editor } from "./editor.js";
import { ScenarioCard } from "./scenario_card.js";
import { get, post } from "./server.js";

export class Control {
  constructor(state, { onTrouble }) {
    Object.assign(this, { state, onTrouble });
    $("control").className = "pad";
    this.made = false;
    this.card = new ScenarioCard(onTrouble);
    state.watch(() => this.card.chosen(state.scenario));
  }

  async open() {
    if (this.made) { await this.options(); return; }
    this.made = true;
    this.settings = new Editor("settings-json", () => {});
    this.given = h("div", {});
    const card = await this.card.open();
    fill($("control"), h("div", { class: "two" }, card, h("div", { class: "column" }, this.settingsCard(), this.resetCard())));
    this.card.chosen(this.state.scenario);
    await this.options();
  }

  settingsCard() {
    return h("div", { class: "card" }, h("h2", {}, "Settings"), h("p", { class: "faint" }, "Options that were given. A change holds until the next reset."),
      this.given,
      h("div", { class: "field" }, h("label", { for: "settings-json" }, "Change, as JSON: {\"queued\": \"2m\"}"), this.settings.node),
      button("Change", () => this.configure(), { id: "configure" }));
  }

  resetCard() {
    const ask = h("span", { hidden: true }, "Forget all jobs, exchanges and changed settings? ",
      button("Yes, reset", () => { ask.hidden = true; this.reset(); }, { id: "reset-yes" }), " ",
      button("No", () => { ask.hidden = true; }));
    return h("div", { class: "card" }, h("h2", {}, "Reset"), button("Reset…", () => { ask.hidden = false; ask.querySelector("button").focus(); }, { id: "reset" }), " ", ask);
  }

  async configure() {
    const body = this.settings.read();
    if (body === undefined) return;
    try {
      await post("settings", body);
    } catch (error) {
      const [, place, says] = /^(\w+): (.*)$/s.exec(error.message) ?? [null, "", error.message];
      this.settings.blame(place, says);
      return;
    }
    this.settings.clear();
    await this.options();
  }

  async reset() {
    try {
      await post("reset", {});
      this.onTrouble("");
    } catch (error) {
      this.onTrouble(error.message);
    }
  }

  async options() {
    const { settings } = await get("settings");
    fill(this.given, h("dl", {}, Object.entries(settings).map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? value : JSON.stringify(value))])));
  }
}
