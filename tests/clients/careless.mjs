// A client as it is found in gists: it trusts every answer. BUG is its one argument.
//   undefined-id    never looks at the create's status, and polls generation_id=undefined
//   exits-zero      catches its errors, prints them and ends as if all were well
//   counts-ids      keeps ids as numbers

const [bug = ""] = process.argv.slice(2);
const route = `${process.env.KLING_BASE_URL}/video/generations`;
const headers = { Authorization: `Bearer ${process.env.KLING_API_KEY}`, "Content-Type": "application/json" };
const interval = Number(process.env.KLING_POLL_INTERVAL ?? 10) * 1000;

const pieces = [];
for await (const piece of process.stdin) pieces.push(piece);

try {
  const created = await fetch(route, { method: "POST", headers, body: Buffer.concat(pieces) });
  const job = await created.json();
  if (bug !== "undefined-id" && !created.ok) throw new Error(`${created.status}: ${JSON.stringify(job)}`);
  const id = bug === "counts-ids" && /^\d+$/.test(job.id) ? Number(job.id) : job.id;
  for (let left = 90; ; left -= 1) {
    const reply = await fetch(`${route}?generation_id=${encodeURIComponent(id)}`, { headers });
    const { status, video, error, message } = await reply.json();
    if (status === "completed") {
      process.stdout.write(`${video.url}\n`);
      break;
    }
    if (status === "error" || !reply.ok || left === 0) throw new Error(JSON.stringify(error ?? message ?? id));
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = bug === "exits-zero" ? 0 : 1;
}
