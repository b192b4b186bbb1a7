// A workspace of the server for each process: the base URL is all that the client is told.
const server = (process.env.KLING_MOCK_URL ?? "http://127.0.0.1:8000").replace(/\/$/, "");
export const space = `${server}/@node-${process.pid}`;
const model = "klingai/v2.5-turbo/pro/text-to-video";
const headers = { authorization: "Bearer test-key", "content-type": "application/json" };

/** What the control API of this workspace answers. */
export async function control(method, path, body) {
  const answer = await fetch(`${space}/_mock/${path}`, { method, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** The client under test: makes a video, and gives its last answer. */
export async function generate(prompt) {
  const url = `${space}/v2/video/generations`;
  const made = await fetch(url, { method: "POST", headers, body: JSON.stringify({ model, prompt }) });
  if (!made.ok) throw new Error(`refused: ${made.status}`);
  const { id } = await made.json();
  for (;;) {
    const answer = await fetch(`${url}?generation_id=${encodeURIComponent(id)}`, { headers });
    const job = await answer.json();
    if (job.status === "completed" || job.status === "error") return job;
  }
}
