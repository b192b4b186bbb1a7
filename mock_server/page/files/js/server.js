// What goes to the mock and comes from it. All paths are relative: the page may be below a prefix.

const LONGEST_PAUSE = 4000;

export async function get(path) {
  return answered(await fetch(path, { headers: { accept: "application/json" } }));
}

export async function post(path, body, method = "POST") {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return answered(await fetch(path, { method, body: text, headers: { "content-type": "application/json" } }));
}

async function answered(response) {
  const body = await response.json().catch(() => ({ message: `${response.status} ${response.statusText}` }));
  if (!response.ok) throw new Error(body.message ?? `${response.status}`);
  return body;
}

const KINDS = ["exchange-opened", "exchange", "job-made", "job-changed", "clock", "scenario", "settings", "reset", "gap"];

const APART = 2000; // milliseconds between snapshots, where more happens than can be told event by event
const MOST = 16; // events of one moment that are told: to write more costs a busy server as much as a snapshot now and then

/**
 * One snapshot, then the events after it. `told.snapshot(data, again)`, `told.event(kind, data)`, `told.link(state)`.
 * A gap asks for another snapshot (`again`), and so does a server that begins anew.
 */
export function follow(told) {
  let source = null;
  let pause = 250;
  let timer = 0;
  let seen = 0; // the event up to which everything is known
  let fetched = 0;
  let missed = null; // events that came since a gap: the snapshot may not have them yet

  async function take(again, least) {
    // As it is preloaded, in index.html.
    const snapshot = await answered(await fetch(again ? `snapshot?least=${least}` : "snapshot"));
    seen = snapshot.event;
    fetched = performance.now();
    told.snapshot(snapshot, again);
  }

  async function begin() {
    clearTimeout(timer);
    source?.close();
    try {
      await take(false);
    } catch (error) {
      lost(error.message);
      return;
    }
    pause = 250;
    source = new EventSource(`events?after=${seen}&most=${MOST}`);
    source.onopen = () => told.link("on", "live");
    source.onerror = () => lost("the server does not answer");
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        const number = Number(event.lastEventId);
        if (number <= seen) return;
        missed?.push([number, kind, event.data]);
        tell(number, kind, event.data);
      });
    }
  }

  function tell(number, kind, data) {
    if (kind === "gap") refresh(number);
    else told.event(kind, JSON.parse(data));
  }

  function refresh(least) {
    if (missed) return;
    missed = [[least, "gap", ""]];
    const from = source;
    setTimeout(async () => {
      try {
        await take(true, missed.at(-1)[0]);
      } catch (error) {
        if (from === source) lost(error.message);
      }
      const later = missed.filter(([number]) => number > seen);
      missed = null;
      if (from === source) for (const one of later) tell(...one);
    }, Math.max(0, fetched + APART - performance.now()));
  }

  function lost(reason) {
    source?.close();
    told.link("off", `not connected: ${reason}; trying again`);
    clearTimeout(timer);
    timer = setTimeout(begin, pause);
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  }

  begin();
}
