// JSON with the place of each value in its text: browsers say where a text is wrong in words of their own, if at all.

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const DEEPEST = 200;

/** `{ value, places }`, or `{ error, at }`; `places` leads from a path such as `faults[1].status` to `[from, to]`. */
export function parsed(text) {
  const reader = new Reader(text);
  try {
    const value = reader.value("", 0);
    reader.blank();
    if (reader.at < text.length) reader.fail("the end of the text");
    return { value, places: reader.places };
  } catch (error) {
    if (!(error instanceof Misread)) throw error;
    return { error: error.message, at: error.at };
  }
}

/** Line and column of a place, both from 1. */
export function lineAndColumn(text, at) {
  const before = text.slice(0, at).split("\n");
  return [before.length, before.at(-1).length + 1];
}

/** The place that a path leads to, or the nearest one around it. */
export function placeOf(places, path) {
  for (let name = path; ; name = name.replace(/(\.[^.[\]]*|\[\d+\])$|^[^.[\]]+$/, "")) {
    const found = places.get(name);
    if (found || !name) return found ?? null;
    if (name === name.replace(/(\.[^.[\]]*|\[\d+\])$|^[^.[\]]+$/, "")) return places.get("") ?? null;
  }
}

class Misread extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

class Reader {
  constructor(text) {
    Object.assign(this, { text, at: 0, places: new Map() });
  }

  fail(wanted) {
    const sign = this.text[this.at];
    throw new Misread(`expected ${wanted}, received ${sign === undefined ? "the end of the text" : JSON.stringify(sign)}`, this.at);
  }

  taken(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  blank() {
    this.taken(BLANK);
  }

  sign(wanted) {
    this.blank();
    if (this.text[this.at] !== wanted) return false;
    this.at += 1;
    return true;
  }

  value(path, depth) {
    this.blank();
    if (depth > DEEPEST) this.fail("fewer levels");
    const from = this.at;
    const value = this.sign("{") ? this.members(path, depth) : this.sign("[") ? this.items(path, depth) : this.scalar();
    this.places.set(path, [from, this.at]);
    return value;
  }

  scalar() {
    const word = this.taken(STRING) ?? this.taken(SCALAR);
    if (word === undefined) this.fail(this.text[this.at] === '"' ? "a string that ends on its line" : "a value");
    return JSON.parse(word);
  }

  members(path, depth) {
    const made = {};
    if (this.sign("}")) return made;
    do {
      this.blank();
      const from = this.at;
      const word = this.taken(STRING);
      if (word === undefined) this.fail("a name in double quotes");
      const name = JSON.parse(word);
      const there = path ? `${path}.${name}` : name;
      if (Object.hasOwn(made, name)) throw new Misread(`the name ${word} stands here a second time`, from);
      if (!this.sign(":")) this.fail('":"');
      Object.defineProperty(made, name, { value: this.value(there, depth + 1), enumerable: true });
    } while (this.sign(","));
    if (!this.sign("}")) this.fail('"," or "}"');
    return made;
  }

  items(path, depth) {
    const made = [];
    if (this.sign("]")) return made;
    do made.push(this.value(`${path}[${made.length}]`, depth + 1)); while (this.sign(","));
    if (!this.sign("]")) this.fail('"," or "]"');
    return made;
  }
}
