import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { control, generate } from "../workspace.mjs";

const tests = Number(process.env.TESTS ?? 10);
const ends = "error";

beforeEach(async () => {
  await control("POST", "reset");
  await control("POST", "settings", { polls: [1, 1] });
  await control("POST", "scenario", { scenario: "failed" });
});
after(() => control("DELETE", "workspaces"));

for (let number = 1; number <= tests; number++) {
  test(`job ${number} ends as ${ends}, and is the only one`, async () => {
    assert.equal((await generate("A fox in the snow")).status, ends);
    assert.equal((await control("GET", "jobs")).total, 1);
    assert.equal((await control("GET", "exchanges")).total, 4);
  });
}
