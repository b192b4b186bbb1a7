// What the tests tell the mock beside the client, by its control API: `kling-mock serve -- npm test` says where.

const mock = process.env.KLING_MOCK_URL;

async function call(path, body) {
  if (!mock) throw new Error("run the tests with: kling-mock serve -- npm test");
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(`${mock}/_mock/${path}`, options);
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

/** Forgets jobs and charges, and parts this test from the last one in the verdict. */
export const reset = () => call("reset", {});
/** Lets the next create meet a scenario. */
export const next = (scenario) => call("scenario/next", { scenario });
export const charges = async () => (await call("charges")).charges;
