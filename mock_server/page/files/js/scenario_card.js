// What happens to creates: a scenario of the catalogue with its options as a form, or a whole one as JSON.
// All three say the same, and the server judges what is written while one types.

import { button, choices, fill, h } from "./dom.js";
import { listField, textField } from "./composer/field.js";
import { Editor } from "./editor.js";
import { get, post } from "./server.js";

const PAUSE = 150;
const OPTION = /^([^;+|]+)((?:;[^;+|]+)*)$/;

export class ScenarioCard {
  constructor(onTrouble) {
    this.onTrouble = onTrouble;
    this.asked = 0;
  }

  async open() {
    const { scenarios, options } = await get("scenarios");
    this.catalogue = new Map(scenarios.map((scenario) => [scenario.name, scenario]));
    this.pick = h("select", { id: "scenario-name", onchange: () => this.picked() });
    choices(this.pick, [...this.catalogue.keys()]);
    this.says = h("p", { class: "faint" });
    this.line = h("input", { type: "text", id: "scenario-options", class: "mono", spellcheck: "false", "aria-describedby": "scenario-wrong", oninput: () => this.typed() });
    this.wrong = h("p", { class: "violation", role: "alert", id: "scenario-wrong" });
    this.current = h("p", { id: "scenario-now" });
    // How often and when is told most; where and what makes another fault of it.
    const [where, often] = [[], []];
    for (const option of Object.entries(options)) (["at", "kind"].includes(option[0]) ? where : often).push(option);
    this.fields = [...often, ...where].map(([name, schema]) => [name, optionField(name, schema, () => this.filled())]);
    this.form = h("details", { class: "options" }, h("summary", {}, "Options of its faults"), h("div", { class: "three" }, this.fields.map(([, field]) => field.node)));
    this.editor = new Editor("scenario-json", (value) => this.written(value));
    this.picked();
    return this.node();
  }

  node() {
    const send = (path, what) => () => this.send(path, what);
    const sending = (id, what) => h("div", { class: "copies" },
      button("For the next create", send("scenario/next", what), { id: `${id}-next` }),
      button("As the default", send("scenario", what), { id: `${id}-default`, class: "main" }));
    return h("div", { class: "card" }, h("h2", {}, "Scenario"), this.current,
      h("div", { class: "field" }, h("label", { for: "scenario-name" }, "From the catalogue"), this.pick, this.says),
      this.form,
      h("div", { class: "field" }, h("label", { for: "scenario-options" }, "In a line: more scenarios behind a +"), this.line, this.wrong),
      sending("use", () => this.line.value.trim()),
      h("div", { class: "field" }, h("label", { for: "scenario-json" }, "Or a whole one, as JSON"), this.editor.node),
      sending("json", () => this.editor.read()));
  }

  /** Another one of the catalogue: nothing is told to its faults yet. */
  picked() {
    this.line.value = this.pick.value;
    this.typed();
  }

  /** The form was filled in: the line follows. */
  filled() {
    const told = this.fields.map(([name, field]) => [name, field.read()]).filter(([, value]) => value !== undefined);
    this.line.value = [this.pick.value, ...told.map(([name, value]) => `${name}=${value}`)].join(";");
    this.later({ scenario: this.line.value }, (problem) => this.blame(problem));
  }

  /** The line was typed: the form follows where the line is one scenario. */
  typed() {
    const [, name, rest] = OPTION.exec(this.line.value.trim()) ?? [];
    const known = this.catalogue.get(name?.trim());
    if (known) this.pick.value = known.name;
    const told = new Map((rest ?? "").split(";").filter(Boolean).map((piece) => [piece.split("=")[0].trim().replaceAll("-", "_"), piece.split("=").slice(1).join("=").trim()]));
    this.shape(known);
    for (const [option, field] of this.fields) field.write(told.get(option));
    this.later({ scenario: this.line.value.trim() }, (problem) => this.blame(problem));
  }

  /** What the faults of this scenario say by themselves stands in the empty fields. */
  shape(scenario) {
    const faults = scenario?.scenario.faults ?? [];
    this.form.hidden = faults.length === 0;
    for (const [name, field] of this.fields) {
      const said = [...new Set(faults.map((fault) => fault[name]).filter((value) => value !== undefined).map(String))];
      field.hint(said.join(" / "));
    }
  }

  blame(problem) {
    let shown = false;
    for (const [name, field] of this.fields) {
      const own = problem && problem.path === name;
      field.say(own ? problem.says : "");
      shown ||= own && !this.form.hidden;
    }
    if (shown) this.form.open = true;
    const text = problem ? (problem.path && !shown ? `${problem.path}: ${problem.says}` : problem.says) : "";
    this.wrong.textContent = shown ? "" : text;
  }

  /** The JSON was changed: it is judged by itself. */
  written(value) {
    if (value === undefined) {
      clearTimeout(this.timer);
      this.asked += 1;
      return;
    }
    this.later({ scenario: value }, (problem) => { if (problem) this.editor.blame(problem.path, problem.says); }, false);
  }

  later(body, tell, whole = true) {
    clearTimeout(this.timer);
    const asked = (this.asked += 1);
    this.timer = setTimeout(async () => {
      let found;
      try {
        found = await post("scenario/judge", body);
      } catch (error) {
        found = { problem: { path: "", says: error.message }, scenario: null };
      }
      if (asked !== this.asked) return;
      tell(found.problem);
      if (!found.scenario) return;
      const { summary, ends, scenario } = found.scenario;
      this.says.textContent = `${summary} ${ends ? `The job ends as ${ends}.` : "The job never ends."}`.trim();
      // Not under the hands of somebody who has begun to write there.
      if (whole && document.activeElement !== this.editor.area) this.editor.write(JSON.stringify(scenario, null, 2));
    }, PAUSE);
  }

  async send(path, what) {
    const scenario = what();
    if (scenario === undefined) return;
    const whole = typeof scenario !== "string";
    try {
      await post(path, { scenario });
      this.onTrouble("");
      if (whole) this.editor.clear();
    } catch (error) {
      const [, place, says] = /^([\w.[\]]+): (.*)$/s.exec(error.message) ?? [null, "", error.message];
      if (whole) this.editor.blame(place, says);
      else this.blame({ path: place, says });
    }
  }

  chosen({ scenario, next }) {
    if (!this.current) return;
    const text = `Default: ${scenario}. ${next.length ? `Next creates: ${next.join(", ")}.` : "Nothing is queued."}`;
    if (this.current.textContent !== text) this.current.textContent = text;
  }
}

/** A field for one option of a fault, from its schema; it reads as text, as the line has it. */
function optionField(name, schema, changed) {
  // What a fault does without the option is said by the scenario, not by the table.
  const spec = { name, schema: { ...schema, default: undefined }, required: false, path: () => name };
  const flag = schema.type === "boolean";
  const field = schema.enum || flag ? listField(spec, changed, schema.enum ?? [true, false], "as it is") : textField(spec, changed);
  const input = field.node.querySelector("input, select");
  const wrong = h("div", { class: "violation" });
  field.node.append(wrong);
  return {
    ...field,
    write: (value) => field.write(flag && value !== undefined ? value === "true" : value),
    hint: (text) => {
      if (input.options) input.options[0].text = text ? `as it is: ${text}` : "as it is";
      else input.placeholder = text;
    },
    say: (text) => {
      wrong.textContent = text;
      field.node.classList.toggle("bad", Boolean(text));
      input.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}
