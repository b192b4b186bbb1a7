import { runJob } from "./job.mjs";

await runJob(async (method, url, headers, body) => {
  const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(30_000) });
  return Buffer.from(await response.arrayBuffer());
});
