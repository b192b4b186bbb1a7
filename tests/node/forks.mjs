// A child with an environment of its own, as pools fork them: it asks the mock, sleeps, and answers.
import { fork } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

if (process.send) {
  process.once("message", async (seconds) => {
    const answer = await fetch("https://api.aimlapi.com/v2/video/generations?generation_id=none", {
      headers: { Authorization: "Bearer any" },
    });
    await pause(seconds * 1000);
    process.send([answer.status, process.env.OWN]);
    process.disconnect();
  });
} else {
  const start = Date.now();
  const child = fork(fileURLToPath(import.meta.url), { env: { OWN: "kept" } });
  child.send(300);
  const got = new Promise((done) => child.once("message", done));
  const first = await Promise.race([got, pause(600_000, "late")]);
  console.log(JSON.stringify([first, Math.round((Date.now() - start) / 60_000)]));
  process.exit();
}
