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

/**
 * One snapshot, then the events after it. `told.snapshot(data)`, `told.event(kind, data)`, `told.link(state)`.
 * A gap, and a server that begins anew, ask for another snapshot.
 */
export function follow(told) {
  let source = null;
  let pause = 250;
  let timer = 0;

  async function begin() {
    clearTimeout(timer);
    source?.close();
    let snapshot;
    try {
      snapshot = await get("snapshot");
    } catch (error) {
      lost(error.message);
      return;
    }
    told.snapshot(snapshot);
    pause = 250;
    source = new EventSource(`events?after=${snapshot.event}`);
    source.onopen = () => told.link("on", "live");
    source.onerror = () => { source.close(); lost("the server does not answer"); };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (kind === "gap") begin();
        else told.event(kind, JSON.parse(event.data));
      });
    }
  }

  function lost(reason) {
    told.link("off", `not connected: ${reason}; trying again`);
    clearTimeout(timer);
    timer = setTimeout(begin, pause);
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  }

  begin();
}
