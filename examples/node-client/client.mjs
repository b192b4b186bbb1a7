// A client for AI/ML API's Kling models on Node's own fetch. KLING_BASE_URL and KLING_API_KEY are its defaults.

const PASSING = [408, 425, 429];

export class KlingError extends Error {}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Makes a video and returns its URL. `interval` and `budget` are seconds. */
export async function generate(payload, { base, key, interval = 10, budget = 1000 } = {}) {
  const path = "/video/generations";
  const url = (base ?? process.env.KLING_BASE_URL ?? "https://api.aimlapi.com/v2").replace(/\/+$/, "") + path;
  const ask = (target, options = {}) => request(target, key ?? process.env.KLING_API_KEY, options);

  const end = performance.now() + budget * 1000;
  let job = await create(ask, url, payload);
  const id = job.id;
  while (!["completed", "error"].includes(job.status)) {
    if (performance.now() >= end) throw new KlingError(`${id} is not ready after ${budget} s`);
    await sleep(interval);
    const told = await ask(`${url}?generation_id=${encodeURIComponent(id)}`).catch(() => null);
    if (told === null || told.status >= 500 || PASSING.includes(told.status)) {
      // The job goes on: a passing fault of a poll loses nothing.
      if (told !== null) await sleep(told.wait);
    } else if (told.status !== 200) {
      throw new KlingError(`${id} cannot be polled: ${told.status} ${told.text}`);
    } else {
      job = told.body ?? job;
    }
  }
  if (job.status === "completed" && job.video?.url) return job.video.url;
  throw new KlingError(`${id} failed: ${JSON.stringify(job.error ?? "there is no URL")}`);
}

async function create(ask, url, payload) {
  let made;
  try {
    made = await ask(url, { method: "POST", body: JSON.stringify(payload) });
  } catch (error) {
    // The job may have been made and paid for: sending it again could pay twice.
    throw new KlingError(`no reply to the create, look before you send it again: ${error.message}`);
  }
  if (made.status !== 200 && made.status !== 201) {
    throw new KlingError(`the create was answered ${made.status}: ${made.text}`);
  }
  if (typeof made.body?.id !== "string" || made.body.id === "") {
    throw new KlingError(`the answer to the create names no job, look before you send it again: ${made.text}`);
  }
  return made.body;
}

async function request(url, key, { method = "GET", body } = {}) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, { method, headers, body, redirect: "manual", signal: AbortSignal.timeout(60_000) });
  const text = await answer.text();
  return { status: answer.status, text, body: objectIn(text), wait: secondsAsked(answer) };
}

function objectIn(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function secondsAsked(answer) {
  const asked = answer.headers.get("retry-after") ?? "0";
  const seconds = /^\d+(\.\d+)?$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(seconds, 0), 60);
}
