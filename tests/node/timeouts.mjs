// How long each way to give up takes against a server that hangs, in virtual seconds.
import https from "node:https";

const url = "https://api.aimlapi.com/v2/video/generations";
const headers = { Authorization: "Bearer test-key", "Content-Type": "application/json" };
const body = JSON.stringify({ model: "kling-video/v1/standard/text-to-video", prompt: "A fox in the snow." });

const waits = {
  abort: () => fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(40_000) }),
  controller: () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50_000);
    return fetch(url, { method: "POST", headers, body, signal: controller.signal });
  },
  socket: () => new Promise((resolve, reject) => {
    const request = https.request(url, { method: "POST", headers, timeout: 60_000 }, resolve);
    request.on("timeout", () => request.destroy(new Error("timed out")));
    request.on("error", reject);
    request.end(body);
  }),
  fetch: () => fetch(url, { method: "POST", headers, body }),
};

const taken = {};
for (const [name, wait] of Object.entries(waits)) {
  const start = Date.now();
  try {
    await wait();
    taken[name] = "answered";
  } catch {
    taken[name] = (Date.now() - start) / 1000;
  }
}
console.log(JSON.stringify(taken));
