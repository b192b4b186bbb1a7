// A client whose statuses are a stream (`for await`), right but for the BUG that is its one argument:
//   reposts-when-lost     sends the create again when the connection breaks
//   reposts-when-slow     gives the create three seconds, and sends it again
//   gives-up-when-not-ok  throws at the first poll that is not 2xx
//   never-fails           goes on where the job ended with an error
//   floats                leaves its rejection to nobody, and ends with 0
//   prints-undefined      prints `video?.url`, whatever that is
//   shows-objects         puts the error into a text, as [object Object]

const [bug = ""] = process.argv.slice(2);
const route = `${process.env.KLING_BASE_URL.replace(/\/+$/, "")}/video/generations`;
const key = process.env.KLING_API_KEY;
const interval = Number(process.env.KLING_POLL_INTERVAL ?? 8) * 1000;
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function ask(method, url, body, milliseconds) {
  const headers = { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const signal = AbortSignal.timeout(milliseconds);
  const reply = await fetch(url, { method, headers, body, redirect: "manual", signal });
  return { ok: reply.ok, status: reply.status, wait: reply.headers.get("retry-after"), text: await reply.text() };
}

function parsed({ text }) {
  try {
    const value = JSON.parse(text.replace(/^\uFEFF/, ""));
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function said(reply) {
  const value = parsed(reply);
  return value === null ? reply.text.slice(0, 200) || "no text" : `${value.message} (request ${value.requestId})`;
}

function asked({ wait }, otherwise) {
  if (!wait) return otherwise;
  return /^\d+(\.\d+)?$/.test(wait) ? wait * 1000 : Math.max(0, Date.parse(wait) - Date.now()) || otherwise;
}

async function created(body) {
  let reply;
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    try {
      reply = await ask("POST", route, body, bug === "reposts-when-slow" ? 3_000 : 60_000);
    } catch (error) {
      const again = error.name === "TimeoutError" ? "reposts-when-slow" : "reposts-when-lost";
      if (bug === again && attempt < 3) continue;
      throw new Error(`the outcome of the create is unknown: ${error.message} ${error.cause?.code ?? ""}`);
    }
    if (reply.status !== 429 || attempt === 4) break;
    await sleep(asked(reply, 15_000 * attempt));
  }
  if (reply.status !== 200 && reply.status !== 201) throw new Error(`the create: ${reply.status} ${said(reply)}`);
  const job = parsed(reply);
  if (typeof job?.id !== "string" || job.id === "") throw new Error("no id: a job may have been made");
  return job;
}

async function* statuses(job) {
  yield job;
  const end = Date.now() + 1_200_000;
  let [pause, faults, refusals] = [interval, 0, 0];
  while (Date.now() + pause < end) {
    await sleep(pause);
    const reply = await ask("GET", `${route}?generation_id=${encodeURIComponent(job.id)}`, undefined, 30_000).catch(() => null);
    const status = reply?.status ?? 0;
    if (bug === "gives-up-when-not-ok" && reply !== null && !reply.ok) throw new Error(`${job.id}: ${status}`);
    refusals = status >= 300 && status < 500 && ![408, 425, 429].includes(status) ? refusals + 1 : 0;
    if (refusals > 2) throw new Error(`polls of ${job.id} are refused: ${status} ${said(reply)}`);
    const now = status === 200 ? parsed(reply) : null;
    faults = now === null ? faults + 1 : 0;
    const own = faults === 0 ? interval : Math.min(interval * 2 ** Math.min(faults - 1, 3), 60_000);
    pause = now === null && reply !== null ? Math.max(own, asked(reply, 0)) : own;
    if (now !== null) yield now;
  }
  throw new Error(`${job.id} did not end in time`);
}

function reason(error) {
  if (bug === "shows-objects") return `${error}`;
  return typeof error === "string" ? error : JSON.stringify(error ?? "no reason given");
}

async function main() {
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  const job = await created(Buffer.concat(pieces));
  for await (const { status, video, error } of statuses(job)) {
    if (status === "completed" || status === "succeeded") {
      if (bug !== "prints-undefined" && !video?.url) throw new Error(`${job.id} completed without a URL`);
      return console.log(video?.url);
    }
    if (status === "error" && bug !== "never-fails") throw new Error(`${job.id} failed: ${reason(error)}`);
  }
}

const ended = main();
if (bug === "floats") {
  ended.catch(() => {});
} else {
  ended.catch((error) => {
    console.error(`Error: ${error.message}`);
    process.exitCode = 1;
  });
}
