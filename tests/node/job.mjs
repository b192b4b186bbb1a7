// One job from the create to the download; each client brings its own way to send a request.
import { setTimeout as sleep } from "node:timers/promises";

const URL_OF_THE_API = "https://api.aimlapi.com/v2/video/generations";
const HEADERS = { Authorization: "Bearer test-key", "Content-Type": "application/json" };
const PAYLOAD = {
  model: "kling-video/v1/standard/image-to-video",
  prompt: "Mona Lisa puts on glasses with her hands.",
  image_url: "https://example.com/mona-lisa.jpeg",
};

// `send(method, url, headers, body)` resolves to the answer's bytes.
export async function runJob(send) {
  const start = Date.now();
  const measured = performance.now();
  const { id } = JSON.parse(await send("POST", URL_OF_THE_API, HEADERS, JSON.stringify(PAYLOAD)));
  const statuses = [];
  let answer;
  do {
    if (statuses.length > 0) await sleep(15_000);
    answer = JSON.parse(await send("GET", `${URL_OF_THE_API}?generation_id=${encodeURIComponent(id)}`, HEADERS));
    statuses.push(answer.status);
  } while (["queued", "generating"].includes(answer.status));
  const video = await send("GET", answer.video.url, {});
  const elapsed = (Date.now() - start) / 1000;
  const drift = Math.abs(performance.now() - measured - elapsed * 1000);
  console.log(JSON.stringify({ statuses, bytes: video.length, elapsed, drift, url: answer.video.url }));
}
