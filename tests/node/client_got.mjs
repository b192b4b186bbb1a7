import got from "got";
import { runJob } from "./job.mjs";

await runJob(async (method, url, headers, body) => {
  const response = await got(url, { method, headers, body, responseType: "buffer", timeout: { request: 30_000 } });
  return response.body;
});
