// What a form begins with: a body that has all that is required, and what was written for the model before it.

import { typeOf } from "./field.js";

const WORDS = "A fox walks through the snow at dawn.";
const LINKS = { image: "https://example.com/picture.png", video: "https://example.com/clip.mp4", audio: "https://example.com/voice.mp3" };
const ID = "123e4567-e89b-12d3-a456-426614174000";

export function sampleBody(schema, before = {}) {
  const body = {};
  const required = new Set(schema.required ?? []);
  for (const [name, part] of Object.entries(schema.properties)) {
    if (name === "model") continue;
    if (usable(before[name], part)) body[name] = before[name];
    else if (required.has(name)) body[name] = sample(name, part);
  }
  return body;
}

function usable(value, schema) {
  if (value === undefined) return false;
  if (schema.enum) return schema.enum.includes(value);
  const type = typeOf(schema);
  return type === "string" ? typeof value === "string" : type === "number" || type === "integer" ? typeof value === "number" : false;
}

function sample(name, schema) {
  const shape = (schema.oneOf ?? schema.anyOf)?.find((one) => one.type !== "null");
  if (shape) return sample(name, shape);
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const type = typeOf(schema);
  if (type === "boolean") return true;
  if (type === "number" || type === "integer") return schema.minimum ?? 1;
  if (type === "array") return Array.from({ length: schema.minItems ?? 1 }, () => sample(name, schema.items ?? {}));
  if (type === "object") return Object.fromEntries((schema.required ?? []).map((member) => [member, sample(member, schema.properties[member])]));
  if (schema.format === "uuid") return ID;
  if (schema.format === "uri" || /_url|mask/.test(name)) return LINKS[Object.keys(LINKS).find((word) => name.includes(word)) ?? "image"];
  return WORDS.slice(0, schema.maxLength);
}
