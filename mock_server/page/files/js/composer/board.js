// Drawing on the picture: with mouse, finger or pen, and by keyboard alone.

import { button, h } from "../dom.js";

const SIZE = [1280, 720]; // of a picture that is only a link: nothing is fetched to look at it
const LARGEST = 4096;
const NEAR = 14; // pixels between the points of a path that is drawn in one go

class Board {
  /** `shows(context)` draws what there is; `begin`, `move` and `undo` change it. */
  constructor(title, help) {
    this.canvas = h("canvas", { class: "draw", tabIndex: 0, role: "application", "aria-label": title, "aria-describedby": "board-help" });
    this.said = h("p", { role: "status", class: "faint" });
    this.tools = h("div", { class: "copies" });
    this.dialog = h("dialog", { class: "board", "aria-label": title }, h("h2", {}, title), h("p", { id: "board-help", class: "faint" },
      `${help} By keyboard: arrows move the cross (with Shift in small steps), Space draws there, P puts the pen down or up, Backspace takes back.`),
    this.canvas, this.said, this.tools);
    this.pen = false;
  }

  /** Have it used; the result is what `result()` gives, null where it was left. */
  async use(picture, result) {
    this.picture = await loaded(picture);
    [this.canvas.width, this.canvas.height] = this.size = this.picture
      ? fitting(this.picture.naturalWidth || SIZE[0], this.picture.naturalHeight || SIZE[1])
      : SIZE;
    this.cross = this.size.map((length) => Math.round(length / 2));
    this.listen();
    document.body.append(this.dialog);
    return new Promise((done) => {
      let found = null;
      this.tools.append(button("Take back", () => { this.undo(); this.show(); }), button("Clear", () => { this.clear(); this.show(); }),
        button("Use it", () => { found = result(); this.dialog.close(); }, { class: "main" }), button("Cancel", () => this.dialog.close()));
      this.dialog.addEventListener("close", () => { this.dialog.remove(); done(found); });
      this.dialog.addEventListener("keydown", (event) => event.stopPropagation());
      this.dialog.showModal();
      this.canvas.focus();
      this.show();
    });
  }

  listen() {
    const { canvas } = this;
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      return this.within([((event.clientX - box.left) / box.width) * this.size[0], ((event.clientY - box.top) / box.height) * this.size[1]]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drawing = true;
      this.cross = point(event);
      this.begin(this.cross);
      this.show();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.drawing) return;
      this.cross = point(event);
      this.move(this.cross);
      this.show();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.drawing = false; });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const step = event.shiftKey ? 1 : Math.max(1, Math.round(this.size[0] / 64));
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) {
      this.cross = this.within([this.cross[0] + way[0] * step, this.cross[1] + way[1] * step]);
      if (this.pen) this.move(this.cross);
    } else if (event.key === " ") this.begin(this.cross);
    else if (event.key === "p" || event.key === "P") {
      this.pen = !this.pen;
      if (this.pen) this.begin(this.cross);
    } else if (event.key === "Backspace") this.undo();
    else return;
    event.preventDefault();
    this.show();
  }

  within(point) {
    return point.map((value, axis) => Math.min(this.size[axis] - 1, Math.max(0, Math.round(value))));
  }

  show() {
    const context = this.canvas.getContext("2d");
    const [width, height] = this.size;
    context.fillStyle = "#20242c";
    context.fillRect(0, 0, width, height);
    if (this.picture) context.drawImage(this.picture, 0, 0, width, height);
    else grid(context, width, height);
    this.shows(context);
    const [x, y] = this.cross;
    const arm = width / 80;
    for (const [colour, line] of [["#000", 5], ["#fff", 2]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: (line * width) / SIZE[0] });
      context.beginPath();
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
      context.stroke();
    }
    this.said.textContent = `${width} × ${height} pixels. The cross is at ${x}, ${y}${this.pen ? ", the pen is down" : ""}. ${this.counts()}`;
  }
}

/** A mask: white is the marked part, black the rest. Strokes are kept, so that the last one can be taken back. */
class MaskBoard extends Board {
  constructor(before) {
    super("Mark a part of the picture", "Paint over the part.");
    this.before = before;
    this.strokes = [];
    this.brush = h("input", { type: "range", min: "5", max: "200", value: "60", "aria-label": "Size of the brush" });
    this.tools.append(h("label", {}, "brush ", this.brush));
  }

  begin(point) { this.strokes.push({ size: (Number(this.brush.value) * this.size[0]) / SIZE[0], points: [point] }); }

  move(point) { this.strokes.at(-1)?.points.push(point); }

  undo() { if (!this.strokes.pop()) this.before = null; }

  clear() { this.strokes = []; this.before = null; }

  counts() { return `${this.strokes.length} strokes.`; }

  shows(context) {
    context.globalAlpha = 0.6;
    const layer = this.layer("#ff5fa2");
    context.drawImage(layer, 0, 0);
    context.globalAlpha = 1;
  }

  layer(colour) {
    const made = h("canvas", { width: this.size[0], height: this.size[1] });
    const context = made.getContext("2d");
    if (this.before) {
      context.drawImage(this.before, 0, 0, ...this.size);
      if (colour !== "#fff") {
        context.globalCompositeOperation = "multiply";
        context.fillStyle = colour;
        context.fillRect(0, 0, ...this.size);
        context.globalCompositeOperation = "source-over";
      }
    }
    for (const { size, points } of this.strokes) {
      Object.assign(context, { strokeStyle: colour, lineWidth: size, lineCap: "round", lineJoin: "round" });
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
    return made;
  }

  picked() {
    const made = h("canvas", { width: this.size[0], height: this.size[1] });
    const context = made.getContext("2d");
    context.fillRect(0, 0, ...this.size);
    context.drawImage(this.layer("#fff"), 0, 0);
    return made.toDataURL("image/png");
  }
}

class PathBoard extends Board {
  constructor(points, most) {
    super("Draw the path", `Click its points, or draw it in one go; at most ${most} points.`);
    this.most = most;
    this.points = points.map(({ x, y }) => [x, y]);
  }

  begin(point) { if (this.points.length < this.most) this.points.push(point); }

  move(point) {
    const last = this.points.at(-1);
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= NEAR) this.begin(point);
  }

  undo() { this.points.pop(); }

  clear() { this.points = []; }

  counts() { return `${this.points.length} points of at most ${this.most}.`; }

  shows(context) {
    const thin = this.size[0] / SIZE[0];
    Object.assign(context, { strokeStyle: "#ff5fa2", fillStyle: "#ff5fa2", lineWidth: 4 * thin });
    context.beginPath();
    this.points.forEach((point, place) => (place ? context.lineTo(...point) : context.moveTo(...point)));
    context.stroke();
    for (const [x, y] of this.points) {
      context.beginPath();
      context.arc(x, y, 6 * thin, 0, 7);
      context.fill();
    }
  }
}

/** A mask as a data URI, drawn on a picture (a data URI, or undefined). */
export async function drawMask(picture, before) {
  const board = new MaskBoard(await loaded(before));
  return board.use(picture, () => board.picked());
}

/** The points of a path as `{x, y}`. */
export async function drawPath(picture, points, most) {
  const board = new PathBoard(points, most);
  return board.use(picture, () => board.points.map(([x, y]) => ({ x, y })));
}

async function loaded(source) {
  if (!String(source).startsWith("data:image/")) return null;
  const image = h("img", { src: source });
  return image.decode().then(() => image, () => null);
}

function fitting(width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  return [Math.round(width * scale), Math.round(height * scale)];
}

function grid(context, width, height) {
  context.strokeStyle = "#3a404c";
  context.lineWidth = 1;
  context.beginPath();
  for (let x = 0; x <= width; x += width / 16) { context.moveTo(x, 0); context.lineTo(x, height); }
  for (let y = 0; y <= height; y += height / 9) { context.moveTo(0, y); context.lineTo(width, y); }
  context.stroke();
}
