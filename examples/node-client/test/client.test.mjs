import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { KlingError, generate } from "../client.mjs";
import { charges, next, reset } from "../mock.mjs";

const PAYLOAD = { model: "klingai/v2.5-turbo/pro/text-to-video", prompt: "A fox in the snow" };
const run = (options) => generate(PAYLOAD, { interval: 0.05, ...options });

beforeEach(reset);

test("the video comes back", async () => {
  assert.match(await run(), /\.mp4$/);
  assert.equal((await charges()).length, 1);
});

test("a lost reply is paid once", async () => {
  await next("create-lost-reply");
  await assert.rejects(run(), /look before you send it again/);
  assert.equal((await charges()).length, 1);
});

test("the reason of a failure is told", async () => {
  await next("failed-detail");
  await assert.rejects(run(), /Could not detect face/);
});

test("a gateway's page loses nothing", async () => {
  await next("poll-bad-gateway-html;times=2");
  assert.match(await run(), /\.mp4$/);
});

test("an id with signs of its own is found again", async () => {
  await next("id-awkward");
  assert.match(await run(), /\.mp4$/);
});

test("a job that never ends is given up with its id", async () => {
  await next("stuck-generating");
  await assert.rejects(run({ budget: 0.5 }), (error) => {
    assert.ok(error instanceof KlingError);
    assert.match(error.message, /^\S+ is not ready after 0.5 s$/);
    return true;
  });
});
