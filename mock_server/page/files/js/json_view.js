// JSON to read: pretty, foldable, with what is said of a field at that field.

import { h } from "./dom.js";

const FOLDED = 40;

/** A body; `problems` are `{path, expected, received, kind}`. What is no JSON is shown as it is. */
export function jsonView(text, problems = []) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return h("div", {}, h("pre", {}, text || "(empty)"), problems.map((problem) => says(problem, true)));
  }
  const left = new Set(problems);
  const root = node(undefined, value, "", problems, left);
  return h("div", { class: "json" }, root, [...left].map((problem) => says(problem, true)));
}

function says(problem, named = false) {
  return h("span", { class: `says ${problem.kind}` },
    `${problem.kind}${named ? ` at ${problem.path}` : ""}: expected ${problem.expected}, received ${problem.received}`);
}

function node(key, value, path, problems, left) {
  const own = problems.filter((problem) => problem.path === path);
  own.forEach((problem) => left.delete(problem));
  const name = key === undefined ? [] : [h("span", { class: "key" }, JSON.stringify(key)), ": "];
  const notes = own.map((problem) => says(problem));
  const marked = own.length ? " marked" : "";
  if (value === null || typeof value !== "object") {
    const text = JSON.stringify(value);
    return h("div", { class: `leaf${marked}` }, name, h("span", { class: typeof value === "string" ? "text" : "" }, text), notes);
  }
  const entries = Array.isArray(value) ? value.map((one, place) => [place, one]) : Object.entries(value);
  const [opening, closing] = Array.isArray(value) ? "[]" : "{}";
  const below = entries.map(([step, one]) => {
    const there = Array.isArray(value) ? `${path}[${step}]` : path ? `${path}.${step}` : step;
    return node(Array.isArray(value) ? undefined : step, one, there, problems, left);
  });
  return h("details", { open: entries.length <= FOLDED, class: marked.trim() },
    h("summary", {}, name, `${opening}${entries.length ? ` ${entries.length} ` : ""}${closing}`, notes), h("div", {}, below));
}
