// The composer: a create of any model, made in a form, judged while one types, sent to this mock and nowhere else.

import { $, button, copying, fill, h } from "./dom.js";
import { LANGUAGES } from "./copying.js";
import { Form } from "./composer/form.js";
import { sampleBody } from "./composer/sample.js";
import { origin } from "./place.js";
import { get, post } from "./server.js";

const PAUSE = 120; // milliseconds without a key until a body is judged
const LONGEST_SHOWN = 20_000;

export class Composer {
  constructor({ onJob, onTrouble }) {
    Object.assign(this, { onJob, onTrouble });
    this.form = null;
    this.asked = 0;
    $("composer").className = "pad";
  }

  async open() {
    if (this.models) return;
    this.models = (await get("models")).models;
    this.search = h("input", { type: "search", id: "model-search", placeholder: "klingai, image-to-video, veo…", oninput: () => this.list() });
    this.pick = h("select", { id: "model-pick", size: 8, onchange: () => this.choose(this.pick.value) });
    this.found = h("p", { class: "faint", role: "status" });
    this.place = h("div", {});
    this.verdict = h("div", { id: "judged", role: "status" });
    this.key = h("input", { type: "text", id: "compose-key", value: "test-key", autocomplete: "off", oninput: () => this.write() });
    this.path = h("select", { id: "compose-path", onchange: () => this.write() });
    this.scenario = h("select", { id: "compose-scenario", onchange: () => this.write() }, new Option("the server's", ""));
    this.text = h("textarea", { class: "json-text", id: "compose-json", spellcheck: "false", oninput: () => this.typed() });
    this.language = h("select", { id: "compose-language", onchange: () => this.write() }, Object.keys(LANGUAGES).map((name) => new Option(name, name)));
    this.program = h("pre", { id: "compose-program", tabIndex: 0, "aria-label": "The same as a program" });
    this.answer = h("div", { id: "compose-answer", role: "status" });
    fill($("composer"), h("div", { class: "two" }, this.left(), this.right()));
    this.list();
    this.choose(this.models.find((row) => row.model.includes("text-to-video"))?.model ?? this.models[0].model);
    const { scenarios } = await get("scenarios");
    this.scenario.append(...scenarios.map(({ name }) => new Option(name, name)));
  }

  left() {
    return h("div", { class: "card" }, h("h2", {}, "A create"),
      h("div", { class: "field" }, h("label", { for: "model-search" }, "Model"), this.search,
        h("label", { for: "model-pick", class: "sr" }, "Models that were found"), this.pick, this.found),
      this.place);
  }

  right() {
    return h("div", { class: "card aside" }, h("h2", {}, "As it is sent"), this.verdict,
      h("div", { class: "three" },
        h("div", { class: "field" }, h("label", { for: "compose-path" }, "Path"), this.path),
        h("div", { class: "field" }, h("label", { for: "compose-scenario" }, "Scenario"), this.scenario),
        h("div", { class: "field" }, h("label", { for: "compose-key" }, "Key"), this.key)),
      h("div", { class: "field" }, h("label", { for: "compose-json" }, "JSON"), this.text),
      h("div", { class: "copies" }, button("Send to this mock", () => this.send(), { id: "compose-send", class: "main" }), copying("Copy JSON", () => this.text.value)),
      this.answer,
      h("div", { class: "line" }, h("label", { for: "compose-language" }, "As"), this.language, copying("Copy", () => this.programText())), this.program);
  }

  /** The models that have every word of the search, by vendor. */
  list() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.models.filter((row) => words.every((word) => `${row.vendor} ${row.model}`.toLowerCase().includes(word)));
    const vendors = [...new Set(found.map((row) => row.vendor))];
    fill(this.pick, vendors.map((vendor) => h("optgroup", { label: vendor },
      found.filter((row) => row.vendor === vendor).map((row) => new Option(row.model, row.model)))));
    this.pick.value = this.model ?? "";
    this.found.textContent = `${found.length} of ${this.models.length} models, ${vendors.length} vendor${vendors.length === 1 ? "" : "s"}`;
    if (found.length === 1 && found[0].model !== this.model) this.choose(found[0].model);
  }

  async choose(model) {
    // Once: another form of the same model would have nothing of what is just written into this one.
    if (!model || model === this.model) return;
    this.model = model;
    this.pick.value = model;
    const row = this.models.find((one) => one.model === model);
    let document;
    try {
      document = await get(`${origin()}/openapi/${model}.json`);
    } catch (error) {
      this.onTrouble(error.message);
      if (this.model === model) this.model = null;
      return;
    }
    if (this.model !== model) return;
    const before = this.form?.read() ?? {};
    const { schema } = document.paths[row.paths[0]].post.requestBody.content["application/json"];
    this.form = new Form(schema, () => this.filled());
    this.form.write(sampleBody(schema, before));
    fill(this.place, h("h3", {}, model), this.form.node);
    fill(this.path, row.paths.map((path) => new Option(path, path)));
    this.filled();
  }

  /** A field was changed: the text follows. */
  filled() {
    this.text.value = JSON.stringify({ model: this.model, ...this.form.read() }, null, 2);
    this.write();
    this.later();
  }

  /** The text was changed: the fields follow where they can; what is sent is the text. */
  typed() {
    this.write();
    this.later();
    let body;
    try {
      body = JSON.parse(this.text.value);
    } catch {
      return;
    }
    if (body && typeof body === "object" && !Array.isArray(body)) this.form?.write(body);
  }

  request() {
    const headers = [["Content-Type", "application/json"]];
    if (this.scenario.value) headers.push(["X-Mock-Scenario", this.scenario.value]);
    return { method: "POST", url: origin() + this.path.value, headers, keyed: true, body: this.text.value };
  }

  programText() {
    return LANGUAGES[this.language.value](this.request());
  }

  write() {
    const text = this.programText();
    this.program.textContent = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.judge(), PAUSE);
  }

  /** Have the server judge the text, by the rules by which it judges creates. */
  async judge() {
    const asked = (this.asked += 1);
    let found;
    try {
      found = await post("judge", this.text.value);
    } catch (error) {
      found = { valid: false, violations: [{ path: "body", expected: "something that can be judged", received: error.message }], findings: [] };
    }
    if (asked !== this.asked || !this.form) return;
    const problems = [...found.violations.map((one) => ({ ...one, kind: "violation" })), ...found.findings.map((one) => ({ ...one, kind: "finding" }))];
    const left = this.form.mark(problems);
    const [wrong, odd] = [found.violations.length, found.findings.length];
    const says = wrong ? `Would be refused: ${wrong} violation${wrong > 1 ? "s" : ""}` : odd ? `Would be taken, with ${odd} finding${odd > 1 ? "s" : ""}` : "Would be taken";
    this.verdict.dataset.judged = String(asked);
    fill(this.verdict, h("p", { class: `tag ${wrong ? "error" : "completed"}` }, says),
      left.length > 0 && h("ul", {}, left.map((one) => h("li", { class: one.kind }, `${one.path}: expected ${one.expected}, received ${one.received}`))));
  }

  async send() {
    const { method, url, headers, body } = this.request();
    fill(this.answer, "Sending…");
    try {
      const response = await fetch(url, { method, body, headers: [...headers, ["Authorization", `Bearer ${this.key.value}`]] });
      const said = await response.json().catch(() => ({}));
      const made = response.ok && typeof said.id === "string";
      fill(this.answer, h("p", { class: made ? "tag completed" : "violation" }, `${response.status} ${made ? said.status ?? "" : said.message ?? response.statusText}`),
        made && button(`Show the job ${said.id}`, () => this.onJob(said.id)));
    } catch (error) {
      // What a scenario does to a create may be no answer at all.
      fill(this.answer, h("p", { class: "violation" }, `No answer came: ${error.message}`));
    }
  }
}
