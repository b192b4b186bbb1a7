// A list of any length of which only the rows in sight are in the document. Rows keep their place:
// it follows its end only where the reader is there and points at none.

import { fill, h } from "./dom.js";

export const ROW = 26;
const MORE = 6;

export class VirtualList {
  /** `draw(item)` makes a row; `key(item)` says what makes it another one. */
  constructor(place, { draw, key, empty, follow = false, shown = () => {} }) {
    Object.assign(this, { place, draw, key, empty, follow, shown });
    this.items = [];
    this.drawn = new Map();
    this.sheet = h("div", { class: "sheet" });
    this.pointed = false;
    this.atEnd = true;
    fill(place, this.sheet);
    // Kept here: to ask for them after a change makes the browser lay everything out at once.
    this.top = place.scrollTop;
    this.height = place.clientHeight;
    place.addEventListener("scroll", () => { this.top = place.scrollTop; this.show(); });
    place.addEventListener("pointerenter", () => { this.pointed = true; });
    place.addEventListener("pointerleave", () => { this.pointed = false; });
    place.addEventListener("keydown", (event) => this.keys(event));
    new ResizeObserver(() => this.resized()).observe(place);
  }

  set(items) {
    const atEnd = this.atEnd;
    this.items = items;
    this.sheet.style.height = `${items.length * ROW}px`;
    if (this.follow && atEnd && !this.pointed) this.scrollTo(items.length * ROW);
    else this.top = Math.min(this.top, this.last());
    this.show();
  }

  /** How far it can be scrolled. */
  last() {
    return Math.max(0, this.items.length * ROW - this.height);
  }

  scrollTo(top) {
    const wanted = Math.max(0, Math.min(top, this.last()));
    if (wanted === this.top) return;
    this.top = wanted;
    this.place.scrollTop = wanted;
  }

  /** So many rows came before those in sight. */
  moveBy(rows) {
    this.scrollTo(this.top + rows * ROW);
    this.show();
  }

  /** Another height shows the end where the end was shown. */
  resized() {
    this.height = this.place.clientHeight;
    if (this.follow && this.atEnd) this.scrollTo(this.items.length * ROW);
    this.show();
  }

  show() {
    this.atEnd = this.top >= this.last() - ROW;
    const first = Math.max(0, Math.floor(this.top / ROW) - MORE);
    const last = Math.min(this.items.length, Math.ceil((this.top + this.height) / ROW) + MORE);
    const wanted = new Map();
    for (let place = first; place < last; place += 1) {
      const item = this.items[place];
      const key = this.key(item);
      const row = this.drawn.get(key) ?? this.draw(item);
      row.style.top = `${place * ROW}px`;
      row.dataset.place = place;
      wanted.set(key, row);
    }
    for (const [key, row] of this.drawn) if (!wanted.has(key)) row.remove();
    let before = null;
    for (const row of wanted.values()) {
      // Put in order without moving rows that stand: a focus or a selection stays.
      const there = before ? before.nextSibling : this.sheet.firstChild;
      if (row !== there) this.sheet.insertBefore(row, there);
      before = row;
    }
    this.drawn = wanted;
    this.showNothing();
    this.shown();
  }

  /** What stands in the place of rows. */
  showNothing() {
    const text = this.items.length ? null : this.empty();
    if (JSON.stringify(text) === this.said) return;
    this.said = JSON.stringify(text);
    this.nothing?.remove();
    this.nothing = text && h("div", { class: "empty" }, text);
    if (this.nothing) this.place.append(this.nothing);
  }

  keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined || !this.items.length) return;
    event.preventDefault();
    const here = Number(document.activeElement?.dataset?.place ?? -1);
    const place = Math.min(this.items.length - 1, Math.max(0, here + step));
    const top = place * ROW;
    if (top < this.top) this.scrollTo(top);
    if (top + ROW > this.top + this.height) this.scrollTo(top + ROW - this.height);
    this.show();
    this.drawn.get(this.key(this.items[place]))?.focus({ preventScroll: true });
  }
}
