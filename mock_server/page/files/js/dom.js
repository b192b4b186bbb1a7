// Elements. Whatever a client sent comes in as text: nothing here reads HTML.

export const $ = (id) => document.getElementById(id);

/** An element with properties (`class`, `on…`, `style` as an object, attributes) and children. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "style") Object.assign(made.style, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  add(made, children);
  return made;
}

function add(parent, children) {
  for (const child of children.flat(9)) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/** Put these in the place of all that an element has. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  add(parent, children);
}

export function button(text, act, properties = {}) {
  return h("button", { type: "button", onclick: act, ...properties }, text);
}

/** The options of a choice, kept where they are the same as before. */
export function choices(select, values, first) {
  const wanted = JSON.stringify([first, values]);
  if (select.dataset.made === wanted) return;
  const chosen = select.value;
  fill(select, first === undefined ? [] : new Option(first, ""), values.map((value) => new Option(value, value)));
  if (values.includes(chosen)) select.value = chosen;
  select.dataset.made = wanted;
}

/** A button that copies a text, and says that it did. */
export function copying(name, text) {
  return button(name, async (event) => {
    const pressed = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text());
      pressed.textContent = "Copied";
    } catch {
      const area = h("textarea", {}, text());
      pressed.after(area);
      area.select();
    }
    setTimeout(() => { pressed.textContent = name; }, 1200);
  });
}
