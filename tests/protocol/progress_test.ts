import assert from "node:assert/strict";
import { MAX_STEP, type Message, type Progress, progressOf } from "../../src/protocol/message.ts";

const SHOWN: [sentence: string, fields: Record<string, unknown>, shown: Progress][] = [
  ["percent and step are shown", { percent: 12.5, step: "epoch 2" }, {
    percent: 12.5,
    step: "epoch 2",
  }],
  ["percent is brought into its bounds", { percent: -3 }, { percent: 0 }],
  ["percent above its bound is 100", { percent: 1e9 }, { percent: 100 }],
  ["percent that is no number is left out", { percent: "50", step: "a" }, { step: "a" }],
  ["a number as step is text", { step: 7 }, { step: "7" }],
  ["a step of anything else is left out", { percent: 1, step: { a: 1 } }, { percent: 1 }],
  ["control characters of a step go", { step: "a\x1b[2J\r\nb\u202e" }, { step: "a[2Jb" }],
  ["a step is cut to what is shown", { step: "🙂".repeat(500) }, { step: "🙂".repeat(MAX_STEP) }],
  ["nothing is nothing", {}, {}],
];

for (const [sentence, fields, shown] of SHOWN) {
  Deno.test(`progress: ${sentence}`, () => {
    assert.deepEqual(progressOf({ type: "progress", ...fields } as Message), shown);
  });
}

Deno.test("other messages are no progress", () => {
  assert.equal(progressOf({ type: "event", name: "progress" }), undefined);
});
