// Made by make_control.py from the control API's OpenAPI document (/_mock/openapi.json): do not edit.

export interface Failure {
  statusCode: number;
  message: string;
}

export interface Problem {
  path: string;
  expected: string;
  received: string;
  constraint: string;
}

export interface Alive {
  status: "ok";
}

export interface Health {
  status: "ok";
  models: number;
  jobs: number;
  jobs_made: number;
  jobs_dropped: number;
  exchanges: number;
  open: number;
  held: number;
  seed: number;
  scenario: string;
}

export interface Job {
  id: string;
  model: string;
  status: "queued" | "generating" | "completed" | "error";
  scenario: string;
  /** Virtual seconds since the epoch. */
  made_at: number;
  age: number;
  polls: number;
  progress: number;
  clip: string;
  credits: number | null;
  plan: (["queued" | "generating" | "completed" | "error", number | null])[];
  by: "time" | "polls";
}

export interface JobWithExchanges {
  id: string;
  model: string;
  status: "queued" | "generating" | "completed" | "error";
  scenario: string;
  /** Virtual seconds since the epoch. */
  made_at: number;
  age: number;
  polls: number;
  progress: number;
  clip: string;
  credits: number | null;
  plan: (["queued" | "generating" | "completed" | "error", number | null])[];
  by: "time" | "polls";
  exchanges: Exchange[];
}

export interface Jobs {
  total: number;
  /** What the page before is asked for with; null on the first one. */
  before: string | null;
  jobs: Job[];
}

export interface ExchangeRow {
  number: number;
  /** Virtual seconds since the epoch. */
  at: number;
  /** Null while the answer is not over. */
  ended_at: number | null;
  /** Real seconds that the server worked on it. */
  took: number;
  kind: "create" | "poll" | "video" | "models" | "billing" | "other";
  method: string;
  path: string;
  query: string;
  /** The HTTP status; null where nothing was answered. */
  status: number | null;
  /** The job's status as the client was told it. */
  word: string | null;
  job_id: string | null;
  model: string | null;
  scenario: string | null;
  /** Whether its URL has an API key in it. */
  key_in_url: boolean;
  /** The job's status in the contract's words. */
  state: "queued" | "generating" | "completed" | "error" | null;
  /** The kind of fault that the answer met. */
  fault: string | null;
  violations: Problem[];
  findings: Problem[];
}

export interface Exchange {
  number: number;
  /** Virtual seconds since the epoch. */
  at: number;
  /** Null while the answer is not over. */
  ended_at: number | null;
  /** Real seconds that the server worked on it. */
  took: number;
  kind: "create" | "poll" | "video" | "models" | "billing" | "other";
  method: string;
  path: string;
  query: string;
  /** The HTTP status; null where nothing was answered. */
  status: number | null;
  /** The job's status as the client was told it. */
  word: string | null;
  job_id: string | null;
  model: string | null;
  scenario: string | null;
  /** Whether its URL has an API key in it. */
  key_in_url: boolean;
  /** The job's status in the contract's words. */
  state: "queued" | "generating" | "completed" | "error" | null;
  /** The kind of fault that the answer met. */
  fault: string | null;
  violations: Problem[];
  findings: Problem[];
  request?: { headers: Record<string, string>; size: number; body: string };
  response?: { headers: Record<string, string>; size: number; body: string; content_size?: number; cut_off_from?: number };
}

export interface Exchanges {
  total: number;
  /** What the page before is asked for with; null on the first one. */
  before: number | null;
  exchanges: Exchange[];
}

export interface Charge {
  job_id: string;
  model: string;
  credits: number | null;
  usd: number | null;
  billed: boolean;
}

export interface Charges {
  usd: number;
  made: number;
  billed: number;
  priced: number;
  total: number;
  /** What the page before is asked for with; null on the first one. */
  before: string | null;
  charges: Charge[];
}

export interface Breach {
  id: string;
  name: string;
  level: "R" | "S" | "A";
  weight: string;
  says: string;
  exchanges: number[];
  test: number;
  times: number;
  cost: string;
  mend: string;
  page: string;
}

export interface OpenBreach {
  id: string;
  name: string;
  level: "R" | "S" | "A";
  weight: string;
  says: string;
  exchanges: number[];
  test: number;
  times: number;
  cost: string;
  mend: string;
  page: string;
  jobs: string[];
}

export interface Evidence {
  /** Whether all of it is one test's. */
  one: boolean;
  /** Whether nothing more can come. */
  over: boolean;
  /** How many exchanges there were when a test did something itself. */
  steps: number[];
  /** The scenarios that somebody chose. */
  armed: Scenario[];
  ways: ("start" | "configure" | "use" | "next")[];
  /** Those that wait for a create. */
  unused: Scenario[];
  ignored: string[];
  speed: number;
  followed: boolean;
  /** The seconds that unfinished jobs are documented to take. */
  patience: Record<string, number>;
}

export interface Verdict {
  verdict: "kept" | "broken";
  required: number;
  advice: number;
  /** Whether it was judged as if nobody would ask any more. */
  over: boolean;
  breaches: Breach[];
  /** What would be told if all ended now. */
  open: OpenBreach[];
  checked: string[];
  exchanges: number;
  tests: number;
  jobs: number;
  first_jobs: ({ id: string; model: string; status: "queued" | "generating" | "completed" | "error"; polls: number; scenario: string; word: string | null })[];
  charges: { billed: number; credits: number; usd: number; without_price: number };
}

export interface Ignored {
  ignored: string[];
}

export interface Deed {
  action: "complete" | "fail" | "hold" | "release";
}

export interface Clock {
  /** Virtual seconds since the epoch. */
  now: number;
  speed: number;
  frozen: boolean;
  next_wake: number | null;
  quiet: boolean;
}

export interface ShownScenario {
  scenario: string;
  next: string[];
}

export interface Queue {
  next: string[];
}

export interface ScenarioRow {
  name: string;
  summary: string;
  ends: string | null;
  own: boolean;
  scenario: Scenario;
}

export interface Scenarios {
  scenarios: ScenarioRow[];
  /** What a fault can be told: each option's JSON Schema. */
  options: Record<string, unknown>;
}

export interface AskedScenario {
  /** A name, or a whole one, right or wrong. */
  scenario: string | Record<string, unknown>;
}

export interface JudgedScenario {
  problem: { path: string; says: string } | null;
  scenario: ScenarioRow | null;
}

export interface Settings {
  settings: { host?: unknown; port?: unknown; queued?: unknown; generating?: unknown; polls?: unknown; realistic?: unknown; latency?: unknown; speed?: unknown; scenario?: unknown; specs?: unknown; strict?: unknown; api_key?: unknown; magic?: unknown; seed?: unknown; repeat_ids?: unknown; max_body?: unknown; max_memory_bodies?: unknown; max_memory_journals?: unknown; max_connections?: unknown; head_timeout?: unknown; body_timeout?: unknown; idle_timeout?: unknown; max_json_values?: unknown; max_jobs?: unknown; max_concurrent?: unknown; max_exchanges?: unknown; prices?: unknown; balance?: unknown; max_recorded_body?: unknown; video_lifetime?: unknown; control_token?: unknown; workspace_per_key?: unknown; workspace_idle?: unknown; max_workspaces?: unknown; store?: unknown; redact?: unknown; log_format?: unknown; scenarios?: unknown };
}

export interface Done {
  status: "reset";
}

export interface Workspaces {
  workspaces: { name: string; jobs: number; exchanges: number; scenario: string; idle: number }[];
}

export interface Ended {
  ended: string[];
}

export interface Judged {
  valid: boolean;
  violations: Problem[];
  findings: Problem[];
}

export interface Models {
  models: { model: string; vendor: string; paths: string[] }[];
}

export interface Snapshot {
  event: number;
  resets: number;
  workspace: string;
  made: number;
  total: number;
  charges: { usd: number; made: number; billed: number; priced: number };
  clock: { now: number; speed: number };
  scenario: { scenario: string; next: string[] };
  jobs: Job[];
  exchanges: ExchangeRow[];
}

export interface Har {
  log: Record<string, unknown>;
}

export interface Scenario {
  name: string;
  /** What it is made from. Names joined with +, faults with options behind a semicolon: id-awkward+poll-server-error;times=2. */
  base?: "completed" | "failed" | "failed-detail" | "stuck-queued" | "stuck-generating" | "slow" | "completed-in-create" | "failed-in-create" | "completed-without-url" | "waiting-active" | "unknown-status" | "backwards" | "skips-generating" | "succeeded" | "nulls" | "absent" | "extra-fields" | "tokens-used" | "file-details" | "no-usage" | "signed-url" | "id-nanoid" | "id-leading-dash" | "id-digits" | "id-uuid-model" | "id-awkward" | "bad-request" | "unauthorized" | "no-credits" | "not-found" | "rate-limited" | "rate-limited-bare" | "concurrency-limited" | "server-error" | "model-maintenance" | "bad-gateway-html" | "unavailable" | "gateway-timeout" | "create-slow" | "create-hangs" | "create-reset" | "create-lost-reply" | "create-truncated" | "create-not-json" | "create-empty" | "create-without-id" | "create-empty-id" | "poll-rate-limited" | "poll-server-error" | "poll-bad-gateway-html" | "poll-empty" | "poll-truncated" | "poll-reset" | "poll-slow" | "poll-hangs" | "poll-unauthorized" | "poll-not-found" | "poll-not-found-at-first" | "poll-wrong-content-type" | "poll-byte-order-mark" | "poll-duplicate-keys" | "slow-drip" | "chunked" | "gzip" | "close-between-polls" | "redirect" | "video-expired" | "video-truncated" | "video-reset" | "video-slow" | "video-redirect" | "video-changed" | string;
  /** a sentence that says what happens */
  summary?: string;
  /** what goes wrong */
  faults?: ({ at: "create" | "poll" | "video" | "any"; kind: "status" | "html" | "empty" | "not-json" | "without-id" | "empty-id" | "truncated" | "reset" | "dropped" | "hang" | "redirect" | "expired" | "slow" | "drip" | "chunked" | "gzip" | "close" | "wrong-content-type" | "duplicate-keys" | "byte-order-mark" | "changed"; times?: number | "forever" | "always" | "none"; after?: number; since?: number | string; until?: number | string | "forever" | "inf"; status?: number; message?: string; retry_after?: number | string; retry_date?: boolean; seconds?: number | string; unfinished?: number; job_made?: boolean })[];
  /** statuses in order, the last one for ever */
  plan?: ("queued" | "generating" | "completed" | "error" | { status: "queued" | "generating" | "completed" | "error"; span?: number | string | "forever" | "inf"; polls?: number; scale?: number })[];
  /** how the job ends, in place of the completed of its plan */
  end?: "completed" | "error";
  /** how many times as long as otherwise each status shows, the server's own times too */
  stretch?: number;
  /** the status in the create's answer; a final one ends the job there */
  create_status?: "queued" | "generating" | "completed" | "error";
  /** the HTTP status of a create that is accepted, in place of what its path documents */
  create_code?: number;
  /** the form of the id */
  ids?: "nanoid" | "leading-dash" | "digits" | "leading-zeros" | "uuid" | "uuid-model" | "awkward";
  /** what stands in the bodies */
  shapes?: ("nulls" | "absent" | "extra-fields" | "tokens-used" | "file-details" | "no-usage" | "poll-usage" | "signed-url" | "no-status" | "without-url" | "null-video" | "decoys" | "other-scripts" | "long")[];
  /** the form of the error */
  error?: "schema" | "detail" | "string" | "null" | "no-message" | "other-scripts" | "signs";
  /** a status to the word that answers say instead */
  words?: { queued?: string; generating?: string; completed?: string; error?: string };
}

export interface ChosenScenario {
  /** A name, names joined with +, or a whole scenario. */
  scenario: "completed" | "failed" | "failed-detail" | "stuck-queued" | "stuck-generating" | "slow" | "completed-in-create" | "failed-in-create" | "completed-without-url" | "waiting-active" | "unknown-status" | "backwards" | "skips-generating" | "succeeded" | "nulls" | "absent" | "extra-fields" | "tokens-used" | "file-details" | "no-usage" | "signed-url" | "id-nanoid" | "id-leading-dash" | "id-digits" | "id-uuid-model" | "id-awkward" | "bad-request" | "unauthorized" | "no-credits" | "not-found" | "rate-limited" | "rate-limited-bare" | "concurrency-limited" | "server-error" | "model-maintenance" | "bad-gateway-html" | "unavailable" | "gateway-timeout" | "create-slow" | "create-hangs" | "create-reset" | "create-lost-reply" | "create-truncated" | "create-not-json" | "create-empty" | "create-without-id" | "create-empty-id" | "poll-rate-limited" | "poll-server-error" | "poll-bad-gateway-html" | "poll-empty" | "poll-truncated" | "poll-reset" | "poll-slow" | "poll-hangs" | "poll-unauthorized" | "poll-not-found" | "poll-not-found-at-first" | "poll-wrong-content-type" | "poll-byte-order-mark" | "poll-duplicate-keys" | "slow-drip" | "chunked" | "gzip" | "close-between-polls" | "redirect" | "video-expired" | "video-truncated" | "video-reset" | "video-slow" | "video-redirect" | "video-changed" | string | Scenario;
}

export interface Options {
  /** Address to listen on. */
  host?: string;
  /** Port to listen on; 0 takes a free one. */
  port?: number;
  /** How long a job stays queued. */
  queued?: number | string;
  /** How long it then generates. */
  generating?: number | string;
  /** Progress by polls instead of time: how many say queued,generating. */
  polls?: number[] | string;
  /** The documented generation times of each model. */
  realistic?: boolean;
  /** How long each answer takes (0; 0.6s with --realistic). */
  latency?: number | string;
  /** Virtual seconds per real second; 0 freezes. */
  speed?: number;
  /** What happens by default. */
  scenario?: "completed" | "failed" | "failed-detail" | "stuck-queued" | "stuck-generating" | "slow" | "completed-in-create" | "failed-in-create" | "completed-without-url" | "waiting-active" | "unknown-status" | "backwards" | "skips-generating" | "succeeded" | "nulls" | "absent" | "extra-fields" | "tokens-used" | "file-details" | "no-usage" | "signed-url" | "id-nanoid" | "id-leading-dash" | "id-digits" | "id-uuid-model" | "id-awkward" | "bad-request" | "unauthorized" | "no-credits" | "not-found" | "rate-limited" | "rate-limited-bare" | "concurrency-limited" | "server-error" | "model-maintenance" | "bad-gateway-html" | "unavailable" | "gateway-timeout" | "create-slow" | "create-hangs" | "create-reset" | "create-lost-reply" | "create-truncated" | "create-not-json" | "create-empty" | "create-without-id" | "create-empty-id" | "poll-rate-limited" | "poll-server-error" | "poll-bad-gateway-html" | "poll-empty" | "poll-truncated" | "poll-reset" | "poll-slow" | "poll-hangs" | "poll-unauthorized" | "poll-not-found" | "poll-not-found-at-first" | "poll-wrong-content-type" | "poll-byte-order-mark" | "poll-duplicate-keys" | "slow-drip" | "chunked" | "gzip" | "close-between-polls" | "redirect" | "video-expired" | "video-truncated" | "video-reset" | "video-slow" | "video-redirect" | "video-changed" | string;
  /** Own OpenAPI documents beside the vendored ones (repeatable). */
  specs?: string | string[];
  /** Answer 400 to what the provider tolerates. */
  strict?: boolean;
  /** Accept only this key (repeatable). */
  api_key?: string | string[];
  /** Scenarios from the keys mock-NAME and [mock:NAME] in prompts. */
  magic?: boolean;
  /** Same seed, same ids, timings and faults. */
  seed?: number;
  /** With --seed: ids that no other server has, the rest as before. */
  repeat_ids?: boolean;
  /** Largest request body. */
  max_body?: number | string;
  /** Bytes that all requests under way hold together. */
  max_memory_bodies?: number | string;
  /** Bytes that journals of all workspaces hold together. */
  max_memory_journals?: number | string;
  /** Connections that one client may have. */
  max_connections?: number;
  /** Real time in which a request's head must end; 0 is no limit. */
  head_timeout?: number | string;
  /** Real time between two parts of a body; 0 is no limit. */
  body_timeout?: number | string;
  /** Real time that a connection may be silent; 0 is no limit. */
  idle_timeout?: number | string;
  /** Most values in a request's JSON. */
  max_json_values?: number;
  /** Jobs kept; the oldest finished go first. */
  max_jobs?: number;
  /** Unfinished jobs at once; more creates are answered 429. */
  max_concurrent?: number;
  /** Exchanges kept in the journal. */
  max_exchanges?: number;
  /** Prices as the provider's catalogue has them, by model. */
  prices?: string;
  /** What the account holds; creates beyond it are answered 403 (no limit). */
  balance?: number;
  /** Bytes of each body that the journal keeps. */
  max_recorded_body?: number | string | 0;
  /** How long a video's URL works. */
  video_lifetime?: number | string;
  /** Open /_mock/ to other hosts, with this bearer token. */
  control_token?: string;
  /** Each API key has a workspace of its own. */
  workspace_per_key?: boolean;
  /** Real time without a request after which a workspace ends; 0 is never. */
  workspace_idle?: number | string;
  /** Workspaces beside the one without a name. */
  max_workspaces?: number;
  /** Where all is kept: memory, sqlite:FILE or redis://HOST:PORT/DB. */
  store?: "memory" | string;
  /** Hide the value of this header, parameter or field as well (repeatable). */
  redact?: string | string[];
  /** How exchanges are logged. */
  log_format?: "text" | "json" | "none";
}

export interface Move {
  /** How far to go on. */
  advance?: number | string;
  /** What is to show next. */
  until?: "queued" | "generating" | "completed" | "error" | "finished";
  /** The job that `until` is about; all unfinished ones without it. */
  job_id?: string;
  /** virtual seconds per real second; 0 freezes */
  speed?: number;
}

/** An answer of the control API that is an error. */
export class ControlError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

type Query = Record<string, string | number | readonly string[] | undefined>;

/** What a test does with a mock: `url` is that of the server, or of a workspace (`…/@NAME`). */
export class Control {
  constructor(readonly url: string, private readonly token?: string) {}

  private async ask(method: string, path: string, query: Query = {}, body?: unknown): Promise<Response> {
    const words = Object.entries(query)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]);
    const asked = words.length > 0 ? `?${new URLSearchParams(words)}` : "";
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.token !== undefined) headers["Authorization"] = `Bearer ${this.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const target = `${this.url.replace(/\/+$/, "")}${path}${asked}`;
    const answer = await fetch(target, { method, headers, ...sent });
    if (answer.ok) return answer;
    const text = await answer.text();
    let message = text;
    try {
      message = (JSON.parse(text) as Failure).message;
    } catch {
      // A page of something in between.
    }
    throw new ControlError(answer.status, message);
  }

  /** Say that the server runs, and what the workspace holds; strangers learn that it runs. */
  async health(): Promise<Health | Alive> {
    return (await (await this.ask("GET", `/_mock/health`)).json()) as Health | Alive;
  }

  /** Give this document. */
  async document(): Promise<Record<string, unknown>> {
    return (await (await this.ask("GET", `/_mock/openapi.json`)).json()) as Record<string, unknown>;
  }

  /** List the workspaces; below a prefix, that one alone. */
  async workspaces(): Promise<Workspaces> {
    return (await (await this.ask("GET", `/_mock/workspaces`)).json()) as Workspaces;
  }

  /** End all workspaces that have a name; below a prefix, that one alone. */
  async endWorkspaces(): Promise<Ended> {
    return (await (await this.ask("DELETE", `/_mock/workspaces`)).json()) as Ended;
  }

  /** End one workspace. */
  async endWorkspace(name: string): Promise<Ended> {
    return (await (await this.ask("DELETE", `/_mock/workspaces/${encodeURIComponent(name)}`)).json()) as Ended;
  }

  /** Forget everything in this workspace. */
  async reset(): Promise<Done> {
    return (await (await this.ask("POST", `/_mock/reset`)).json()) as Done;
  }

  /** List the jobs, the last ones. */
  async jobs(query: { limit?: number; before?: string } = {}): Promise<Jobs> {
    return (await (await this.ask("GET", `/_mock/jobs`, query)).json()) as Jobs;
  }

  /** Show one job with its exchanges. */
  async job(job_id: string): Promise<JobWithExchanges> {
    return (await (await this.ask("GET", `/_mock/jobs/${encodeURIComponent(job_id)}`)).json()) as JobWithExchanges;
  }

  /** Complete, fail, hold or release one job, whatever its scenario says. */
  async direct(job_id: string, body: Deed): Promise<Job> {
    return (await (await this.ask("POST", `/_mock/jobs/${encodeURIComponent(job_id)}`, {}, body)).json()) as Job;
  }

  /** Give the video of a completed job; it counts as no download. */
  async video(job_id: string): Promise<Response> {
    return await this.ask("GET", `/_mock/videos/${encodeURIComponent(job_id)}`);
  }

  /** List requests with their answers, the last ones; filters must all hold. */
  async exchanges(query: { limit?: number; before?: number; kind?: string; method?: string; status?: string; model?: string; scenario?: string; state?: string; word?: string; fault?: string; job_id?: string; bodies?: "true" | "false" } = {}): Promise<Exchanges> {
    return (await (await this.ask("GET", `/_mock/exchanges`, query)).json()) as Exchanges;
  }

  /** Show one exchange. */
  async exchange(number: number): Promise<Exchange> {
    return (await (await this.ask("GET", `/_mock/exchanges/${encodeURIComponent(number)}`)).json()) as Exchange;
  }

  /** Give the journal as HAR 1.2. */
  async har(query: { over?: "true" | "false" } = {}): Promise<Har> {
    return (await (await this.ask("GET", `/_mock/exchanges.har`, query)).json()) as Har;
  }

  /** Say how the exchanges came about: what was armed and not used, which rules are left out. */
  async evidence(query: { over?: "true" | "false" } = {}): Promise<Evidence> {
    return (await (await this.ask("GET", `/_mock/evidence`, query)).json()) as Evidence;
  }

  /** List what would have been billed, and the sums of all. */
  async charges(query: { limit?: number; before?: string } = {}): Promise<Charges> {
    return (await (await this.ask("GET", `/_mock/charges`, query)).json()) as Charges;
  }

  /** Say what clients broke, what it costs and how it is mended. */
  async verdict(query: { rule?: ("A1" | "A3" | "A6" | "A7" | "A8" | "B1" | "B2" | "B4" | "B6" | "B13" | "C1" | "C7" | "C8" | "C11" | "C12" | "D2" | "D3" | "D13" | "T1" | "T2" | "T3")[]; ignore?: ("A1" | "A3" | "A6" | "A7" | "A8" | "B1" | "B2" | "B4" | "B6" | "B13" | "C1" | "C7" | "C8" | "C11" | "C12" | "D2" | "D3" | "D13" | "T1" | "T2" | "T3")[]; level?: ("required" | "strict" | "advice")[]; over?: "true" | "false" } = {}): Promise<Verdict> {
    return (await (await this.ask("GET", `/_mock/verdict`, query)).json()) as Verdict;
  }

  /** Leave rules out of the verdict from now on. */
  async ignore(body: { ignore: ("A1" | "A3" | "A6" | "A7" | "A8" | "B1" | "B2" | "B4" | "B6" | "B13" | "C1" | "C7" | "C8" | "C11" | "C12" | "D2" | "D3" | "D13" | "T1" | "T2" | "T3")[] }): Promise<Ignored> {
    return (await (await this.ask("POST", `/_mock/verdict`, {}, body)).json()) as Ignored;
  }

  /** Stream what happens, as server-sent events. */
  async events(query: { after?: number; most?: number } = {}): Promise<Response> {
    return await this.ask("GET", `/_mock/events`, query);
  }

  /** Give the workspace as it is, with the number of the last event in it. */
  async snapshot(query: { least?: number } = {}): Promise<Snapshot> {
    return (await (await this.ask("GET", `/_mock/snapshot`, query)).json()) as Snapshot;
  }

  /** Show the default scenario and the queue. */
  async scenario(): Promise<ShownScenario> {
    return (await (await this.ask("GET", `/_mock/scenario`)).json()) as ShownScenario;
  }

  /** Set the default scenario. */
  async use(body: ChosenScenario): Promise<ShownScenario> {
    return (await (await this.ask("POST", `/_mock/scenario`, {}, body)).json()) as ShownScenario;
  }

  /** Set the default scenario. */
  async putScenario(body: ChosenScenario): Promise<ShownScenario> {
    return (await (await this.ask("PUT", `/_mock/scenario`, {}, body)).json()) as ShownScenario;
  }

  /** Queue a scenario for the next create. */
  async next(body: ChosenScenario): Promise<Queue> {
    return (await (await this.ask("POST", `/_mock/scenario/next`, {}, body)).json()) as Queue;
  }

  /** List every scenario, one's own last, and what a fault can be told. */
  async scenarios(): Promise<Scenarios> {
    return (await (await this.ask("GET", `/_mock/scenarios`)).json()) as Scenarios;
  }

  /** Say what a scenario would be, or what is wrong with it; nothing changes. */
  async judgeScenario(body: AskedScenario): Promise<JudgedScenario> {
    return (await (await this.ask("POST", `/_mock/scenario/judge`, {}, body)).json()) as JudgedScenario;
  }

  /** Show the clock. */
  async clock(): Promise<Clock> {
    return (await (await this.ask("GET", `/_mock/clock`)).json()) as Clock;
  }

  /** Move the clock, or set its speed. */
  async moveClock(body: Move): Promise<Clock> {
    return (await (await this.ask("POST", `/_mock/clock`, {}, body)).json()) as Clock;
  }

  /** Show the options that were given. */
  async settings(): Promise<Settings> {
    return (await (await this.ask("GET", `/_mock/settings`)).json()) as Settings;
  }

  /** Change options until the next reset. */
  async configure(body: Options): Promise<Settings> {
    return (await (await this.ask("POST", `/_mock/settings`, {}, body)).json()) as Settings;
  }

  /** Change options until the next reset. */
  async patchSettings(body: Options): Promise<Settings> {
    return (await (await this.ask("PATCH", `/_mock/settings`, {}, body)).json()) as Settings;
  }

  /** List the models with their vendors. */
  async models(): Promise<Models> {
    return (await (await this.ask("GET", `/_mock/models`)).json()) as Models;
  }

  /** Judge a body as a create would be; nothing is made. */
  async judge(body: unknown): Promise<Judged> {
    return (await (await this.ask("POST", `/_mock/judge`, {}, body)).json()) as Judged;
  }
}
