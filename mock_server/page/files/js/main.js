// The page: server.js feeds state.js, and each view reads it. Views tell each other through here alone.

import { $, h } from "./dom.js";
import { follow, get } from "./server.js";
import { State } from "./state.js";
import { Head } from "./clock.js";
import { Lanes } from "./lanes.js";
import { Exchanges } from "./exchanges.js";
import { Panel, jobPath } from "./panel.js";
import { Verdict } from "./verdict.js";

const VIEWS = ["traffic", "composer", "verdict", "control"];

/** What the page shows; for a look from the console too. */
export const state = new State();
const onTrouble = (text) => { $("trouble").textContent = text; $("trouble").hidden = !text; };
const onExchange = (number) => { show("traffic"); exchanges.choose(number); };
const onJob = (id) => { show("traffic"); panel.job(id); };

const verdict = new Verdict(state, { onExchange, onTrouble });
const panel = new Panel(state, { onExchange, onJob, onTrouble, refreshVerdict: () => verdict.refresh() });
const exchanges = new Exchanges(state, (number) => panel.exchange(number));
// Fetched when somebody wants them: the first look at the traffic waits for neither.
let [style, composer, control] = [null, null, null];
new Lanes(state, { onJob, onExchange });
const head = new Head(state, { onTrouble });

/** The style of forms, once it holds. */
function styled() {
  style ??= new Promise((done) => {
    document.head.append(h("link", { rel: "stylesheet", href: "page/composer.css", onload: done, onerror: done }));
  });
  return style;
}

async function compose() {
  composer ??= import("./composer.js").then(({ Composer }) => new Composer({ onJob, onTrouble }));
  await styled();
  await (await composer).open();
}

async function steer() {
  control ??= import("./control.js").then(({ Control }) => new Control(state, { onTrouble }));
  await styled();
  await (await control).open();
}

async function show(name) {
  for (const view of VIEWS) {
    const chosen = view === name;
    $(view).hidden = !chosen;
    $(`tab-${view}`).setAttribute("aria-selected", String(chosen));
    $(`tab-${view}`).tabIndex = chosen ? 0 : -1;
  }
  // Not the id of the view itself: the browser would scroll there.
  if (location.hash !== `#/${name}`) history.replaceState(null, "", `#/${name}`);
  try {
    if (name === "verdict") await verdict.refresh();
    if (name === "composer") await compose();
    if (name === "control") await steer();
  } catch (error) {
    onTrouble(error.message);
  }
}

for (const view of VIEWS) {
  $(`tab-${view}`).onclick = () => show(view);
  $(`tab-${view}`).onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length];
    $(`tab-${next}`).focus();
    show(next);
  };
}

/** A job that was moved by hand, looked up again. */
async function changed(id) {
  try {
    const { exchanges: _, ...job } = await get(jobPath(id));
    state.addJob(job);
    state.changed();
  } catch {
    state.jobs.delete(id);
    state.changed();
  }
}

follow({
  snapshot: (data, again) => { state.snapshot(data, again); if (!again) head.spaces(); },
  event: (kind, data) => {
    state.event(kind, data);
    if (kind === "job-changed") changed(data.job_id);
    if (kind === "reset") { verdict.seen = ""; state.verdict = null; panel.close(); if (!$("verdict").hidden) verdict.refresh(); }
    if (kind === "settings" && !$("control").hidden) steer();
  },
  link: (kind, text) => { $("link").className = kind; $("link").textContent = text; },
});
show(VIEWS.find((view) => location.hash === `#/${view}`) ?? "traffic");
