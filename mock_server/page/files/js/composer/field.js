// What every field of the form is: { node, read(), write(value), mark(problems) }. A field reads as undefined
// where nothing of it is sent. `spec` is { name, schema, required, path, picture }: `path()` is where it stands in
// the body, as the server's own words for problems have it, `picture()` the inline picture that is drawn on.

import { button, h } from "../dom.js";

const CHIPS = 6;
let count = 0;

/** What a schema allows, in words. */
export function bounds(schema) {
  const said = [];
  const { minimum: least, maximum: most, minLength, maxLength, minItems, maxItems } = schema;
  if (least !== undefined && most !== undefined) said.push(`${least} to ${most}`);
  else if (least !== undefined) said.push(`at least ${least}`);
  else if (most !== undefined) said.push(`at most ${most}`);
  if (minLength !== undefined) said.push(`at least ${minLength} characters`);
  if (maxLength !== undefined) said.push(`at most ${maxLength} characters`);
  if (minItems !== undefined || maxItems !== undefined) said.push(`${minItems ?? 0} to ${maxItems ?? "any number"} of them`);
  if (schema.format === "uri") said.push("a link, or a file");
  if (schema.default !== undefined) said.push(`${JSON.stringify(schema.default)} where it is not sent`);
  return said.join(", ");
}

/** The type of a schema; what may be null as well is taken for the other one. */
export function typeOf(schema) {
  return [schema.type ?? (schema.properties ? "object" : "string")].flat().find((type) => type !== "null");
}

/** A control with its name, what is expected and what is wrong with it; `mark` says the latter. */
export function framed(spec, control, { group = false, input = control } = {}) {
  const id = `field-${(count += 1)}`;
  const wrong = h("div", { id: `${id}-wrong` });
  const says = [spec.schema.description, bounds(spec.schema) && `(${bounds(spec.schema)})`].filter(Boolean).join(" ");
  const hint = h("p", { class: "hint faint", id: `${id}-hint` }, says);
  const title = [spec.name, spec.required && h("span", { class: "violation" }, " required")];
  if (!group) input.id = id;
  input.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  const node = group
    ? h("fieldset", { class: "field", "data-field": spec.name }, h("legend", {}, title), hint, control, wrong)
    : h("div", { class: "field", "data-field": spec.name }, h("label", { for: id }, title), hint, control, wrong);
  const mark = (problems) => {
    const own = problems.filter((problem) => problem.path === spec.path());
    own.forEach((problem) => { problem.shown = true; });
    node.classList.toggle("bad", own.some((problem) => problem.kind === "violation"));
    const text = own.map((problem) => `${problem.kind}: expected ${problem.expected}, received ${problem.received}`).join("\n");
    if (wrong.textContent === text) return;
    wrong.className = own[0]?.kind ?? "";
    wrong.textContent = text;
  };
  return { node, mark };
}

export function textField(spec, changed) {
  const long = !spec.schema.format && /prompt|text|content|description/.test(spec.name);
  const input = h(long ? "textarea" : "input", { ...(long ? {} : { type: "text" }), spellcheck: "false", oninput: changed });
  return {
    ...framed(spec, input),
    read: () => (input.value === "" ? undefined : input.value),
    write: (value) => { input.value = value === undefined ? "" : String(value); },
  };
}

export function numberField(spec, changed) {
  const { minimum: least, maximum: most, exclusiveMinimum } = spec.schema;
  const whole = typeOf(spec.schema) === "integer";
  const input = h("input", { type: "number", step: whole ? "1" : "any", oninput: () => { follow(); changed(); } });
  const bounded = least !== undefined && most !== undefined && most - least <= 100_000;
  const step = whole ? Math.max(1, Math.round((most - least) / 1000)) : (most - least) / 100;
  const slider = bounded && h("input", {
    type: "range", min: String(least), max: String(most), step: String(step), "aria-label": `${spec.name}, slider`,
    oninput: () => { input.value = String(Number(Number(slider.value).toFixed(4))); follow(); changed(); },
  });
  const clear = button("×", () => { input.value = ""; follow(); changed(); }, { "aria-label": `Do not send ${spec.name}`, class: "clear" });
  const follow = () => {
    clear.hidden = input.value === "";
    if (!slider) return;
    slider.classList.toggle("unset", input.value === "");
    slider.value = input.value === "" ? String(spec.schema.default ?? exclusiveMinimum ?? least) : input.value;
  };
  follow();
  return {
    ...framed(spec, h("div", { class: "line" }, slider, input, clear), { input }),
    read: () => (input.value === "" ? undefined : Number(input.value)),
    write: (value) => { input.value = value === undefined ? "" : String(value); follow(); },
  };
}

/** One of some values; few of them all stand there. */
export function choiceField(spec, changed, values = spec.schema.enum) {
  return values.length <= CHIPS && values.every((value) => String(value).length < 24)
    ? chipsField(spec, changed, values)
    : listField(spec, changed, values);
}

/** One of some values; `none` is what it says where nothing is chosen. */
export function listField(spec, changed, values, none = "not sent") {
  const select = h("select", { onchange: changed }, new Option(none, ""), values.map((value, place) => new Option(String(value), String(place))));
  return {
    ...framed(spec, select),
    read: () => (select.value === "" ? undefined : values[Number(select.value)]),
    write: (value) => { select.value = values.includes(value) ? String(values.indexOf(value)) : ""; },
  };
}

function chipsField(spec, changed, values) {
  const name = `choice-${(count += 1)}`;
  const chips = [["not sent", undefined], ...values.map((value) => [String(value), value])].map(([text, value]) => {
    const input = h("input", { type: "radio", name, onchange: changed });
    return { value, input, node: h("label", { class: "chip" }, input, text) };
  });
  chips[0].input.checked = true;
  const line = h("div", { class: "chips" }, chips.map((chip) => chip.node));
  const frame = framed(spec, line, { group: true });
  return {
    ...frame,
    read: () => chips.find((chip) => chip.input.checked)?.value,
    write: (value) => { (chips.find((chip) => chip.value === value) ?? chips[0]).input.checked = true; },
  };
}
