// A paid video is not paid twice, said in types: `kling-mock serve --polls 1,1 -- node try.js` once it is compiled.
import { Control, ControlError } from "./control.js";

declare const process: { env: Record<string, string | undefined> };

const control = new Control(process.env["KLING_MOCK_URL"] ?? "http://127.0.0.1:8000");
await control.reset();
await control.next({ scenario: "rate-limited" });

const created = await fetch(`${control.url}/v2/video/generations`, {
  method: "POST",
  headers: { Authorization: "Bearer any-key", "Content-Type": "application/json" },
  body: JSON.stringify({ model: "klingai/v2.5-turbo/pro/text-to-video", prompt: "A fox in the snow" }),
});
const exchanges = (await control.exchanges({ kind: "create", limit: 5 })).exchanges;
const { verdict, jobs } = await control.verdict({ level: ["required"] });
const clock = await control.moveClock({ advance: "1m" });
const wrong = await control.use({ scenario: "rate-limted" }).catch((error: unknown) => error);

console.log(
  JSON.stringify({
    status: created.status,
    fault: exchanges[0]?.fault,
    verdict,
    jobs,
    frozen: clock.frozen,
    wrong: wrong instanceof ControlError ? wrong.message : null,
  }),
);
