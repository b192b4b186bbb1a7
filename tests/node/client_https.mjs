import http from "node:http";
import https from "node:https";
import { runJob } from "./job.mjs";

function send(method, url, headers, body) {
  return new Promise((resolve, reject) => {
    const library = url.startsWith("https:") ? https : http;
    const request = library.request(url, { method, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks)));
    });
    request.on("error", reject);
    request.end(body);
  });
}

await runJob(send);
