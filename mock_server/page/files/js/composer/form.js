// A form for the body of a create, made from the schema of its model.

import { h } from "../dom.js";
import { choiceField, numberField, textField, typeOf } from "./field.js";
import { arrayField, eitherField, objectField } from "./groups.js";
import { isPath, mediaField, pathField } from "./media.js";

/** The field for a part of the schema. */
function make(spec, changed) {
  const { schema } = spec;
  if (schema.oneOf ?? schema.anyOf) return eitherField(spec, changed, make);
  if (schema.enum) return choiceField(spec, changed);
  const type = typeOf(schema);
  if (type === "boolean") return choiceField(spec, changed, [true, false]);
  if (type === "number" || type === "integer") return numberField(spec, changed);
  if (type === "object") return objectField(spec, changed, make);
  if (type === "array") return isPath(schema) ? pathField(spec, changed) : arrayField(spec, changed, make);
  return schema.format === "uri" || /mask/.test(spec.name) ? mediaField(spec, changed) : textField(spec, changed);
}

export class Form {
  /** `changed` is called when somebody changes a field. */
  constructor(schema, changed) {
    const required = new Set(schema.required ?? []);
    const named = Object.entries(schema.properties).filter(([name]) => name !== "model");
    // What must be there stands first.
    named.sort(([one], [other]) => required.has(other) - required.has(one));
    const picture = () => this.inlinePicture();
    this.fields = named.map(([name, part]) => [name, make({ name, schema: part, required: required.has(name), path: () => name, picture }, changed)]);
    this.others = {};
    this.node = h("div", { class: "form" }, this.fields.map(([, field]) => field.node));
  }

  /** The body without its model. */
  read() {
    const entries = this.fields.map(([name, field]) => [name, field.read()]).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(entries), ...this.others };
  }

  /** Show a body; what the schema does not know is kept as it is. */
  write(body) {
    for (const [name, field] of this.fields) field.write(body[name]);
    const known = new Set(["model", ...this.fields.map(([name]) => name)]);
    this.others = Object.fromEntries(Object.entries(body).filter(([name]) => !known.has(name)));
  }

  /** Put each problem at its field; gives those that have none. */
  mark(problems) {
    for (const [, field] of this.fields) field.mark(problems);
    return problems.filter((problem) => !problem.shown);
  }

  inlinePicture() {
    return this.fields.filter(([name]) => /image|picture/.test(name)).flatMap(([, field]) => field.read())
      .find((value) => String(value).startsWith("data:image/"));
  }
}
