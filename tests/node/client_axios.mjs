import axios from "axios";
import { runJob } from "./job.mjs";

await runJob(async (method, url, headers, data) => {
  const response = await axios({ method, url, headers, data, responseType: "arraybuffer", timeout: 30_000 });
  return Buffer.from(response.data);
});
