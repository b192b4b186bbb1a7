// A text of JSON that one writes: its lines are numbered, and what is wrong is said and marked where it stands.

import { button, fill, h } from "./dom.js";
import { lineAndColumn, parsed, placeOf } from "./json_places.js";

export class Editor {
  /** `changed(value)` is called while one types; the value is undefined where the text is no JSON. */
  constructor(id, changed) {
    this.changed = changed;
    this.lines = h("div", { class: "numbers", "aria-hidden": "true" });
    this.area = h("textarea", {
      id, class: "json-text", spellcheck: "false", wrap: "off", "aria-describedby": `${id}-wrong`,
      oninput: () => this.typed(), onscroll: () => { this.lines.scrollTop = this.area.scrollTop; },
    });
    this.wrong = h("p", { class: "violation wrong", id: `${id}-wrong`, role: "alert" });
    this.node = h("div", {}, h("div", { class: "editor" }, this.lines, this.area), this.wrong);
    this.write("");
  }

  get text() {
    return this.area.value;
  }

  /** Show a text, judged anew. */
  write(text) {
    this.area.value = text;
    this.read();
  }

  typed() {
    this.changed(this.read());
  }

  /** The value of the text; undefined where it is no JSON, which is said at its place. */
  read() {
    this.found = parsed(this.text);
    this.clear();
    if (!this.found.error) return this.found.value;
    if (this.text.trim()) this.say(this.found.error, [this.found.at, this.found.at + 1]);
    return undefined;
  }

  /** Say what is wrong with the value at a path. */
  blame(path, says) {
    const place = this.found.places && placeOf(this.found.places, path);
    this.say(path ? `${path}: ${says}` : says, place);
  }

  clear() {
    this.mark(null);
    fill(this.wrong);
    this.area.removeAttribute("aria-invalid");
  }

  say(text, place) {
    this.area.setAttribute("aria-invalid", "true");
    if (!place) {
      this.mark(null);
      fill(this.wrong, text);
      return;
    }
    const [line, column] = lineAndColumn(this.text, place[0]);
    this.mark(line);
    const go = button(`Line ${line}, column ${column}`, () => this.select(place, line), { class: "link" });
    fill(this.wrong, go, ` ${text}`);
  }

  select([from, to], line) {
    this.area.focus();
    this.area.setSelectionRange(from, to);
    const height = this.area.scrollHeight / Math.max(1, this.text.split("\n").length);
    this.area.scrollTop = Math.max(0, (line - 4) * height);
  }

  /** Number the lines, with a mark at one of them. */
  mark(wrong) {
    const count = this.text.split("\n").length;
    fill(this.lines, Array.from({ length: count }, (_, place) => h("div", { class: place + 1 === wrong ? "wrong" : "" }, place + 1)));
    this.lines.scrollTop = this.area.scrollTop;
  }
}
