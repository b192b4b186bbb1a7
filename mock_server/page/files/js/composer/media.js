// Pictures, sounds and clips: by link, or as a file that goes into the body. Masks and paths are drawn as well.

import { button, fill, h } from "../dom.js";
import { drawMask, drawPath } from "./board.js";
import { framed } from "./field.js";

const LONGEST_SHOWN = 300;

export function mediaField(spec, changed) {
  const kind = ["audio", "video", "image"].find((word) => spec.name.includes(word)) ?? "image";
  let value;
  const input = h("input", { type: "text", inputMode: "url", placeholder: "https://…", oninput: () => { value = input.value; look(); changed(); } });
  const file = h("input", { type: "file", accept: `${kind}/*`, "aria-label": `File for ${spec.name}`, onchange: async () => {
    if (file.files[0]) set(await dataOf(file.files[0]));
  } });
  const draw = /mask/.test(spec.name) && button("Draw…", async () => {
    const drawn = await drawMask(spec.picture(), value);
    if (drawn) set(drawn);
    draw.focus();
  });
  const clear = button("×", () => set(undefined), { "aria-label": `Do not send ${spec.name}`, class: "clear" });
  const preview = h("div", {});
  const set = (next) => { write(next); changed(); };
  const look = () => {
    clear.hidden = !value;
    fill(preview, String(value).startsWith("data:image/") && h("img", { class: "thumb", alt: `What is sent as ${spec.name}`, src: value }));
  };
  const write = (next) => {
    value = next === undefined ? undefined : String(next);
    const long = (value ?? "").length > LONGEST_SHOWN;
    // A field with a whole picture in it is slow, and nobody reads that.
    input.value = long ? `${value.slice(0, 40)}… (${value.length} characters)` : value ?? "";
    input.readOnly = long;
    file.value = "";
    look();
  };
  write(undefined);
  const control = h("div", {}, h("div", { class: "line" }, input, draw, clear), h("div", { class: "line" }, file), preview);
  return { ...framed(spec, control, { input }), read: () => value || undefined, write };
}

function dataOf(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}

/** Whether a schema is a path: a list of points. */
export function isPath(schema) {
  const point = schema.items?.properties;
  return Boolean(point?.x && point?.y) && Object.keys(point).length === 2;
}

/** A path, drawn or written: a point a line. */
export function pathField(spec, changed) {
  const most = spec.schema.maxItems ?? 1000;
  const area = h("textarea", { class: "mono", placeholder: "120, 80", spellcheck: "false", oninput: changed });
  const read = () => {
    const points = area.value.split("\n").map((line) => line.match(/-?\d+(?:\.\d+)?/g)?.map(Number)).filter((pair) => pair?.length === 2);
    return points.length || spec.required ? points.map(([x, y]) => ({ x, y })) : undefined;
  };
  const write = (points) => { area.value = (Array.isArray(points) ? points : []).map((point) => `${point?.x}, ${point?.y}`).join("\n"); };
  const draw = button("Draw…", async () => {
    const drawn = await drawPath(spec.picture(), read() ?? [], most);
    if (drawn) { write(drawn); changed(); }
    draw.focus();
  });
  return { ...framed(spec, h("div", { class: "line" }, area, draw), { input: area }), read, write };
}
