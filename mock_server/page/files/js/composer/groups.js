// Fields that have fields: objects, lists, and one of several shapes.

import { button, fill, h } from "../dom.js";
import { framed } from "./field.js";

/** An object: it is sent as soon as one of its members is. `make` makes a field of a spec. */
export function objectField(spec, changed, make) {
  const required = new Set(spec.schema.required ?? []);
  const members = Object.entries(spec.schema.properties ?? {}).map(([name, schema]) => [
    name, make({ ...spec, name, schema, required: required.has(name), path: () => `${spec.path()}.${name}` }, changed),
  ]);
  const frame = framed(spec, h("div", { class: "members" }, members.map(([, field]) => field.node)), { group: true });
  return {
    node: frame.node,
    mark: (problems) => { frame.mark(problems); members.forEach(([, field]) => field.mark(problems)); },
    read: () => {
      const entries = members.map(([name, field]) => [name, field.read()]).filter(([, value]) => value !== undefined);
      return entries.length || spec.required ? Object.fromEntries(entries) : undefined;
    },
    write: (value) => { for (const [name, field] of members) field.write(value?.[name]); },
  };
}

/** A list of fields, to which some are added and from which some go. */
export function arrayField(spec, changed, make) {
  const most = spec.schema.maxItems ?? 50;
  let items = [];
  const place = h("div", { class: "members" });
  const more = button(`Add to ${spec.name}`, () => { add(); show(); changed(); }, { "data-add": spec.name });
  const add = (value) => {
    const item = {};
    Object.assign(item, make({
      ...spec, name: `${spec.name}, one of them`, schema: spec.schema.items ?? {}, required: true,
      path: () => `${spec.path()}[${items.indexOf(item)}]`,
    }, changed));
    item.row = h("div", { class: "item" }, item.node, button("Remove", () => {
      items = items.filter((other) => other !== item);
      show();
      changed();
      more.focus();
    }));
    if (value !== undefined) item.write(value);
    items.push(item);
  };
  const show = () => {
    fill(place, items.map((item) => item.row));
    more.disabled = items.length >= most;
  };
  const frame = framed(spec, h("div", {}, place, more), { group: true });
  return {
    node: frame.node,
    mark: (problems) => { frame.mark(problems); items.forEach((item) => item.mark(problems)); },
    read: () => (items.length || spec.required ? items.map((item) => item.read() ?? "") : undefined),
    write: (value) => {
      items = [];
      for (const one of Array.isArray(value) ? value : []) add(one);
      show();
    },
  };
}

/** One of several shapes, chosen by what is said of each. */
export function eitherField(spec, changed, make) {
  const shapes = (spec.schema.oneOf ?? spec.schema.anyOf).filter((schema) => schema.type !== "null");
  let field = null;
  const place = h("div", {});
  const select = h("select", { onchange: () => { choose(Number(select.value)); changed(); } },
    shapes.map((schema, number) => new Option(schema.description ?? schema.type, String(number))));
  const choose = (number) => {
    select.value = String(number);
    field = make({ ...spec, schema: shapes[number] }, changed);
    fill(place, field.node);
  };
  choose(0);
  const frame = framed(spec, h("div", {}, select, place), { input: select });
  return {
    node: frame.node,
    mark: (problems) => { field.mark(problems); frame.mark(problems); },
    read: () => field.read(),
    write: (value) => {
      if (value !== undefined) choose(Math.max(0, shapes.findIndex((schema) => fits(value, schema))));
      field.write(value);
    },
  };
}

/** Whether a value is of this shape at first sight. */
function fits(value, schema) {
  if (Array.isArray(value) !== (schema.type === "array")) return false;
  if ((typeof value === "object") !== (schema.type === "object" || schema.type === "array")) return false;
  const tags = Object.entries(schema.properties ?? {}).filter(([, member]) => member.enum?.length === 1);
  return tags.every(([name, member]) => value[name] === member.enum[0]);
}
