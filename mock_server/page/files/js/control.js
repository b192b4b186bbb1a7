// What happens to creates, the options of the server, and the reset.

import { $, button, choices, fill, h } from "./dom.js";
import { get, post } from "./server.js";

export class Control {
  constructor(state, { onTrouble }) {
    Object.assign(this, { state, onTrouble });
    $("control").className = "pad";
    this.made = false;
    state.watch(() => this.chosen());
  }

  async open() {
    if (this.made) { await this.options(); return; }
    this.made = true;
    this.catalogue = (await get("scenarios")).scenarios;
    const names = this.catalogue.map((scenario) => scenario.name);
    this.pick = h("select", { id: "scenario-name", onchange: () => this.describe() });
    choices(this.pick, names);
    this.extra = h("input", { type: "text", id: "scenario-options", placeholder: ";times=2;after=1 or +another", oninput: () => this.describe() });
    this.says = h("p", { class: "faint" });
    this.text = h("textarea", { class: "json-text", id: "scenario-json", spellcheck: "false", oninput: () => this.check() });
    this.wrong = h("p", { class: "violation", role: "alert" });
    this.current = h("p", { id: "scenario-now" });
    this.settings = h("textarea", { class: "json-text", id: "settings-json", spellcheck: "false" });
    this.given = h("div", {});
    fill($("control"), h("div", { class: "two" }, this.scenarioCard(), h("div", {}, this.settingsCard(), this.resetCard())));
    this.describe();
    this.chosen();
    await this.options();
  }

  scenarioCard() {
    const send = (path, whole) => () => this.send(path, whole);
    return h("div", { class: "card" }, h("h2", {}, "Scenario"), this.current,
      h("div", { class: "field" }, h("label", { for: "scenario-name" }, "From the catalogue"), this.pick, this.says),
      h("div", { class: "field" }, h("label", { for: "scenario-options" }, "Options, or more scenarios"), this.extra),
      h("div", { class: "copies" }, button("For the next create", send("scenario/next", false), { id: "use-next" }),
        button("As the default", send("scenario", false), { id: "use-default" })),
      h("div", { class: "field" }, h("label", { for: "scenario-json" }, "Or a whole one, as JSON"), this.text, this.wrong),
      h("div", { class: "copies" }, button("For the next create", send("scenario/next", true), { id: "json-next" }),
        button("As the default", send("scenario", true), { id: "json-default" })));
  }

  settingsCard() {
    return h("div", { class: "card" }, h("h2", {}, "Settings"), h("p", { class: "faint" }, "Options that were given. A change holds until the next reset."),
      this.given,
      h("div", { class: "field" }, h("label", { for: "settings-json" }, "Change, as JSON: {\"queued\": \"2m\"}"), this.settings),
      button("Change", () => this.configure(), { id: "configure" }));
  }

  resetCard() {
    const ask = h("span", { hidden: true }, "Forget all jobs, exchanges and changed settings? ",
      button("Yes, reset", async () => { ask.hidden = true; await this.tell("reset", {}); }, { id: "reset-yes" }), " ",
      button("No", () => { ask.hidden = true; }));
    return h("div", { class: "card" }, h("h2", {}, "Reset"), button("Reset…", () => { ask.hidden = false; ask.querySelector("button").focus(); }, { id: "reset" }), " ", ask);
  }

  named() {
    return this.pick.value + this.extra.value.trim();
  }

  describe() {
    const scenario = this.catalogue.find((one) => one.name === this.pick.value);
    this.says.textContent = scenario ? `${scenario.summary} It ends ${scenario.ends}.` : "";
    this.text.value = JSON.stringify(scenario?.scenario ?? {}, null, 2);
    this.check();
  }

  /** Say where JSON is wrong, by line and column. */
  check() {
    try {
      JSON.parse(this.text.value);
      this.wrong.textContent = "";
      return true;
    } catch (error) {
      const place = Number(/position (\d+)/.exec(error.message)?.[1] ?? NaN);
      const before = this.text.value.slice(0, place).split("\n");
      this.wrong.textContent = Number.isNaN(place) ? error.message : `Line ${before.length}, column ${before.at(-1).length + 1}: ${error.message}`;
      return false;
    }
  }

  async send(path, whole) {
    if (whole && !this.check()) return;
    await this.tell(path, { scenario: whole ? JSON.parse(this.text.value) : this.named() }, whole ? this.wrong : null);
  }

  async configure() {
    let body;
    try {
      body = JSON.parse(this.settings.value);
    } catch (error) {
      this.onTrouble(`Settings: ${error.message}`);
      return;
    }
    await this.tell("settings", body);
    await this.options();
  }

  async tell(path, body, place = null) {
    try {
      await post(path, body);
      this.onTrouble("");
      if (place) place.textContent = "";
    } catch (error) {
      if (place) place.textContent = error.message;
      else this.onTrouble(error.message);
    }
  }

  async options() {
    const { settings } = await get("settings");
    fill(this.given, h("dl", {}, Object.entries(settings).map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? value : JSON.stringify(value))])));
  }

  chosen() {
    if (!this.current) return;
    const { scenario, next } = this.state.scenario;
    const text = `Default: ${scenario}. ${next.length ? `Next creates: ${next.join(", ")}.` : "Nothing is queued."}`;
    if (this.current.textContent !== text) this.current.textContent = text;
  }
}
