// Where a job stands, as the server reckons it: a pure function of its plan and of how far it has come.

/** The status after so much progress. */
export function statusAfter(job, progress) {
  for (const [status, span] of job.plan.slice(0, -1)) {
    if (span === null || progress < span) return status;
    progress -= span;
  }
  return job.plan.at(-1)[0];
}

/** The status at an instant; null before the job was made. `polls` are its answered polls, oldest first. */
export function statusAt(job, at, polls) {
  if (at < job.made_at) return null;
  if (job.by === "time") return statusAfter(job, at - job.made_at);
  return statusAfter(job, (job.skipped ?? 0) + polls.filter((poll) => poll.at <= at && poll.state !== null).length);
}

/** What a lane shows: [status, from, to] in virtual seconds; the last one ends never. */
export function spans(job, polls) {
  const found = [];
  let from = job.made_at;
  if (job.by === "time") {
    for (const [status, span] of job.plan) {
      const to = span === null ? Infinity : from + span;
      if (to > from) found.push([status, from, to]);
      from = to;
      if (to === Infinity) break;
    }
    return found;
  }
  let status = statusAfter(job, job.skipped ?? 0);
  let seen = job.skipped ?? 0;
  for (const poll of polls) {
    if (poll.state === null) continue;
    seen += 1;
    const next = statusAfter(job, seen);
    if (next !== status) {
      found.push([status, from, poll.at]);
      [status, from] = [next, poll.at];
    }
  }
  found.push([status, from, Infinity]);
  return found;
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value > 0 && value < 0.001) return "under 1 ms";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${Number(value.toFixed(2))} s`;
  return value < 7200 ? `${Number((value / 60).toFixed(1))} min` : `${Number((value / 3600).toFixed(1))} h`;
}

export function clockTime(moment, fine = true) {
  const made = new Date(moment * 1000);
  if (Number.isNaN(made.getTime())) return "–";
  return made.toISOString().slice(11, fine ? 23 : 19);
}
