// The reference client as a command: payload on stdin, KLING_BASE_URL and KLING_API_KEY in the environment,
// the video's URL as the last line of stdout, exit status 1 and a message on stderr on failure.
// It speaks by fetch, or by axios or undici where that is its first word. As `reference.mjs fetch stay` it makes one video
// after the other: a call a line on stdin, with its payload, address and key, and a result line for each on stdout.

import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";

const CREATE_TIMEOUT = 60_000;
const POLL_TIMEOUT = 30_000;
const LONGEST_WAIT = 300_000;
const INTERVAL = Number(process.env.KLING_POLL_INTERVAL ?? 10) * 1000;
const BUDGET = 1_000_000;
const ATTEMPTS = 5;
const REFUSALS = 2;
const PASSING = [408, 425, 429];
const DONE = ["completed", "succeeded"];

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class KlingError extends Error {}

const unknown = (why) =>
  new KlingError(`the outcome of the create is unknown, ${why}; a job may have been made and billed`);

const AXIOS = new URL("../node/node_modules/axios/index.js", import.meta.url);
const UNDICI = new URL("../node/node_modules/undici/index.js", import.meta.url);
const send = await sender(process.argv[2]);

async function sender(name) {
  if (name === "axios") return byAxios((await import(AXIOS)).default);
  if (name === "undici") return byUndici((await import(UNDICI)).default);
  return byFetch;
}

async function byFetch(method, url, headers, body, signal) {
  const reply = await fetch(url, { method, headers, body, redirect: "manual", signal });
  // text() drops a byte order mark.
  return { status: reply.status, headers: reply.headers, text: await reply.text() };
}

function byAxios(axios) {
  const options = { maxRedirects: 0, responseType: "text", transformResponse: [], validateStatus: () => true, proxy: false };
  return async (method, url, headers, data, signal) => {
    const { status, headers: named, data: text } = await axios({ ...options, method, url, headers, data, signal });
    return { status, headers: new Headers(named.toJSON()), text: String(text ?? "").replace(/^\uFEFF/, "") };
  };
}

function byUndici({ Agent, request: ask }) {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return async (method, url, headers, body, signal) => {
    const { statusCode: status, headers: named, body: answer } = await ask(url, { method, headers, body, signal, dispatcher });
    const pairs = Object.entries(named).map(([name, value]) => [name, [value].flat().join(", ")]);
    const packed = named["content-encoding"] === "gzip";
    const content = Buffer.from(await answer.arrayBuffer());
    return { status, headers: new Headers(pairs), text: new TextDecoder().decode(packed ? gunzipSync(content) : content) };
  };
}

/** One request, whole: redirects are not followed, and the timeout covers the body too. */
async function request(key, method, url, body, timeout) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${timeout / 1000} s`)), timeout);
  try {
    const headers = { Authorization: `Bearer ${key}`, Accept: "application/json", Connection: "close" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return await send(method, url, headers, body, abort.signal);
  } finally {
    clearTimeout(timer);
  }
}

function parsed(reply) {
  try {
    const value = JSON.parse(reply.text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function said(reply) {
  const body = parsed(reply);
  if (body === null) return reply.text.slice(0, 200).trim() || "no text";
  return `${body.message} (request ${body.requestId})`;
}

function retryAfter(reply, otherwise) {
  const value = (reply.headers.get("retry-after") ?? "").trim();
  if (value === "") return otherwise;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? otherwise : Math.max(0, moment - Date.now());
}

const why = (error) => [error.message, error.cause?.code, error.cause?.message].filter(Boolean).join(": ");

async function post({ route, key }, body) {
  try {
    return await request(key, "POST", route, body, CREATE_TIMEOUT);
  } catch (error) {
    if (["ECONNREFUSED", "ENOTFOUND"].includes(error.cause?.code ?? error.code)) {
      throw new KlingError(`no connection, nothing was sent: ${why(error)}`);
    }
    throw unknown(`the reply was lost (${why(error)})`);
  }
}

/** Makes one job; only 429, which says that none was made, is tried again. */
async function create(api, body) {
  let reply;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    reply = await post(api, body);
    const wait = retryAfter(reply, 10_000 * attempt);
    if (reply.status !== 429 || attempt === ATTEMPTS || wait > LONGEST_WAIT) break;
    await sleep(wait);
  }
  if (reply.status >= 500) throw unknown(`it was answered ${reply.status}: ${said(reply)}`);
  if (reply.status !== 200 && reply.status !== 201) {
    throw new KlingError(`the create was refused with ${reply.status}: ${said(reply)}`);
  }
  const job = parsed(reply);
  if (job === null || typeof job.id !== "string" || job.id === "") throw unknown("the answer does not name a job");
  return job;
}

const urlOf = (job) => (typeof job.video?.url === "string" && job.video.url !== "" ? job.video.url : null);

/** The video's URL, null while the job goes on, whatever that is called. */
function ended(job) {
  if (DONE.includes(job.status)) {
    const url = urlOf(job);
    if (url === null) throw new KlingError(`${job.id} is ${job.status}, but there is no URL of a video`);
    return url;
  }
  if (job.status === "error") {
    throw new KlingError(`${job.id} ended with an error: ${JSON.stringify(job.error ?? "no reason given")}`);
  }
  return null;
}

async function poll({ route, key }, id) {
  const deadline = Date.now() + BUDGET;
  const url = `${route}?generation_id=${encodeURIComponent(id)}`;
  let pause = INTERVAL;
  let faults = 0;
  let refusals = 0;
  while (Date.now() + pause <= deadline) {
    await sleep(pause);
    const reply = await request(key, "GET", url, undefined, POLL_TIMEOUT).catch(() => null);
    const status = reply?.status ?? 0;
    refusals = status >= 300 && status < 500 && !PASSING.includes(status) ? refusals + 1 : 0;
    if (refusals > REFUSALS) throw new KlingError(`polls of ${id} are refused with ${status}: ${said(reply)}`);
    const job = status === 200 ? parsed(reply) : null;
    if (job === null) {
      faults += 1;
      const own = Math.min(INTERVAL * 2 ** Math.min(faults - 1, 3), 60_000);
      pause = reply === null ? own : Math.max(own, Math.min(retryAfter(reply, 0), LONGEST_WAIT));
      continue;
    }
    pause = INTERVAL;
    faults = 0;
    const url_ = ended(job);
    if (url_ !== null) return url_;
  }
  throw new KlingError(`${id} did not end within ${BUDGET / 1000} s; it may still end, poll it later`);
}

/** The video's URL for a payload, which goes out as it is written: parsing it would round large numbers. */
async function generate(body, baseUrl, key) {
  const api = { route: `${baseUrl.replace(/\/+$/, "")}/video/generations`, key };
  const job = await create(api, body);
  const waits = DONE.includes(job.status) && urlOf(job) === null;
  return (waits ? null : ended(job)) ?? (await poll(api, job.id));
}

const without = (key, error) => String(error.message).replaceAll(key || "\0", "…");

async function once() {
  const { KLING_BASE_URL: address = "", KLING_API_KEY: key = "" } = process.env;
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  const body = Buffer.concat(pieces).toString("utf8");
  try {
    JSON.parse(body);
  } catch (error) {
    throw new KlingError(`the payload is no JSON: ${error.message}`);
  }
  process.stdout.write(`${await generate(body, address, key)}\n`);
}

async function stay() {
  for await (const line of createInterface({ input: process.stdin })) {
    const { payload, base_url: address, api_key: key } = JSON.parse(line);
    const result = await generate(JSON.stringify(payload), address, key).then(
      (url) => ({ url }),
      (error) => ({ error: without(key, error), type: error.constructor.name }),
    );
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}

if (process.argv[3] === "stay") {
  await stay();
} else {
  await once().catch((error) => {
    process.stderr.write(`${without(process.env.KLING_API_KEY, error)}\n`);
    process.exitCode = 1;
  });
}
