// The panel at the side: one exchange, or one job.

import { $, button, copying, fill, h } from "./dom.js";
import { jsonView } from "./json_view.js";
import { LANGUAGES, requestOf } from "./copying.js";
import { get, post } from "./server.js";
import { clockTime, seconds } from "./time.js";
import { origin } from "./place.js";

const CREDITS_PER_USD = 2_000_000;
const MOST_POLLS = 200;

function pairs(rows) {
  return h("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export class Panel {
  constructor(state, { onExchange, onJob, onTrouble, refreshVerdict }) {
    Object.assign(this, { state, onExchange, onJob, onTrouble, refreshVerdict });
    this.shown = null;
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
    state.watch(() => this.live());
  }

  close() {
    const from = this.shown?.from;
    this.shown = null;
    $("panel").hidden = true;
    from?.isConnected && from.focus();
  }

  begin(title, kind, id) {
    const from = this.shown?.from ?? document.activeElement;
    this.shown = { kind, id, from };
    $("panel").hidden = false;
    return h("header", {}, h("h2", {}, title), button("Close", () => this.close()));
  }

  async exchange(number) {
    const head = this.begin(`Exchange ${number}`, "exchange", number);
    let one;
    try {
      [one] = await Promise.all([get(`exchanges/${number}`), this.refreshVerdict()]);
    } catch (error) {
      fill($("panel"), head, h("p", { class: "violation" }, error.message));
      return;
    }
    if (this.shown?.id !== number) return;
    const request = requestOf(one, origin());
    const marks = [...one.violations.map((problem) => ({ ...problem, kind: "violation" })),
      ...one.findings.map((problem) => ({ ...problem, kind: "finding" }))];
    const rules = this.state.rulesOf(number);
    const cut = (side) => (new TextEncoder().encode(side.body).length < (side.content_size ?? side.size) ? " (beginning)" : "");
    fill($("panel"), head,
      pairs([
        ["request", h("code", {}, `${one.method} ${one.path}${one.query ? `?${one.query}` : ""}`)],
        ["status", one.ended_at === null ? "not over yet" : one.status ?? "nothing was answered"],
        ["word", one.word], ["job", one.job_id === null ? null : button(one.job_id, () => this.onJob(one.job_id), { class: "link" })],
        ["model", one.model], ["scenario", one.scenario], ["state", one.state],
        ["fault", one.fault && h("span", { class: "violation" }, one.fault)],
        ["began", clockTime(one.at)], ["took", one.ended_at === null ? "–" : `${seconds(one.ended_at - one.at)} by the clock, ${seconds(one.took)} of work`],
        ["rule", rules.length === 0 ? null : rules.map((rule) => h("div", { class: "violation" }, `${rule.id} ${rule.name}: ${rule.says}`, h("div", { class: "faint" }, rule.mend)))],
      ]),
      h("div", { class: "copies" }, Object.entries(LANGUAGES).map(([name, write]) => copying(`Copy as ${name}`, () => write(request)))),
      h("h3", {}, `Request body, ${one.request.size} bytes${cut(one.request)}`), jsonView(one.request.body, marks),
      h("h3", {}, `Answer's body, ${one.response.size} bytes${cut(one.response)}`), jsonView(one.response.body),
      h("h3", {}, "Request headers"), pairs(Object.entries(one.request.headers)),
      h("h3", {}, "Answer's headers"), pairs(Object.entries(one.response.headers)));
  }

  async job(id) {
    const head = this.begin(`Job ${id}`, "job", id);
    let job;
    try {
      job = await get(jobPath(id));
    } catch (error) {
      fill($("panel"), head, h("p", { class: "violation" }, error.message));
      return;
    }
    if (this.shown?.id !== id) return;
    const made = job.exchanges.find((one) => one.kind === "create");
    const payload = payloadOf(made);
    this.status = h("span", {});
    this.polls = h("span", {});
    this.course = h("span", {});
    this.charge = h("span", {});
    this.film = h("div", {});
    this.seen = null;
    fill($("panel"), head,
      pairs([
        ["status", this.status], ["model", job.model], ["scenario", job.scenario], ["made", clockTime(job.made_at)],
        ["course", this.course], ["polls", this.polls], ["charge", this.charge],
      ]),
      this.deeds(id),
      this.film,
      payload?.prompt && [h("h3", {}, "Prompt"), h("pre", {}, String(payload.prompt))],
      pictures(payload),
      h("h3", {}, "Exchanges"),
      h("div", { class: "refs" }, job.exchanges.slice(-MOST_POLLS).map((one) =>
        button(`${one.number} ${one.kind} ${one.status ?? "none"}${one.word ? ` ${one.word}` : ""}`, () => this.onExchange(one.number)))));
    this.live();
  }

  /** What can be done to a job that has not ended. */
  deeds(id) {
    const path = jobPath(id);
    const deed = (text, action, title) => button(text, () => this.act(path, { action }), { title, "data-action": action });
    this.acts = h("div", { class: "copies" },
      button("Clock to its end", () => this.act("clock", { until: "finished", job_id: id })),
      deed("Complete", "complete", "It is completed now"), deed("Fail", "fail", "It ends in an error now"),
      deed("Hold", "hold", "It stands where it is"), deed("Release", "release", "It goes on where it was held"));
    return this.acts;
  }

  async act(path, body) {
    try {
      await post(path, body);
      this.onTrouble("");
    } catch (error) {
      this.onTrouble(error.message);
    }
  }

  /** What changes of a job while it is looked at. */
  live() {
    if (this.shown?.kind !== "job" || !this.status) return;
    const job = this.state.jobs.get(this.shown.id);
    if (!job) return;
    const status = this.state.statusOf(job) ?? "not made yet";
    const polls = this.state.pollsOf(job).filter((poll) => poll.at <= this.state.instant()).length;
    if (this.polls.textContent !== String(polls)) this.polls.textContent = polls;
    const seen = `${status} ${courseOf(job)}`;
    if (this.seen === seen) return;
    const before = this.seen?.split(" ")[0];
    this.seen = seen;
    this.course.textContent = courseOf(job);
    this.charge.textContent = chargeOf(job);
    for (const deed of this.acts.children) deed.disabled = ["completed", "error"].includes(this.state.statusAtNow(job));
    if (before === status) return;
    this.status.textContent = status;
    this.status.className = `tag ${status}`;
    if (status !== "completed") fill(this.film);
    else {
      const source = `videos/${encodeURIComponent(job.id).replaceAll("%2F", "/")}`;
      fill(this.film, h("video", { src: source, controls: true, muted: true, loop: true, autoplay: true, playsInline: true, "aria-label": "The finished video" }));
    }
  }
}

export function jobPath(id) {
  return `jobs/${encodeURIComponent(id).replaceAll("%2F", "/")}`;
}

function courseOf(job) {
  const unit = job.by === "polls" ? " polls" : "";
  const last = job.plan.length - 1;
  return job.plan.filter(([, span], place) => span !== 0 || place === last)
    .map(([status, span], place, all) => {
      const length = place === all.length - 1 ? "" : span === null ? " until it is released" : unit ? ` ${span}${unit}` : ` ${seconds(span)}`;
      return status + length;
    }).join(" → ");
}

function chargeOf(job) {
  const usd = job.credits === null ? "no price is known" : `$${(job.credits / CREDITS_PER_USD).toFixed(4)}`;
  return job.plan.at(-1)[0] === "completed" ? usd : `${usd}, not billed: it does not complete`;
}

function payloadOf(exchange) {
  try {
    const found = JSON.parse(exchange.request.body);
    return found && typeof found === "object" ? found : null;
  } catch {
    return null;
  }
}

/** The pictures of a payload that are in it; links are not opened: nothing but the mock is asked. */
function pictures(payload) {
  if (!payload) return null;
  const found = Object.entries(payload).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
    .filter(([name, value]) => typeof value === "string" && /image|mask|tail/.test(name) && /^(data:image\/(png|jpe?g|webp|gif);base64,|iVBOR|\/9j\/|UklGR)/.test(value));
  const link = Object.entries(payload).filter(([name, value]) => /image|video/.test(name) && typeof value === "string" && /^https?:/.test(value));
  return [
    found.map(([name, value]) => [h("h3", {}, name), h("img", { class: "picture", alt: name, src: value.startsWith("data:") ? value : `data:image/png;base64,${value}`, style: { objectFit: "contain" } })]),
    link.length > 0 && pairs(link.map(([name, value]) => [name, h("code", {}, value)])),
  ];
}
