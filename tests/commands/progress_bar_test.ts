import assert from "node:assert/strict";
import { progressLine } from "../../commands/progress_bar.ts";

Deno.test("the bar grows with the percentage, and is full at 100 alone", () => {
  const bars = [0, 50, 99.9, 100].map((percent) => progressLine({ percent }));
  assert.deepEqual(bars, [
    "[------------------------]   0 %",
    "[############------------]  50 %",
    "[#######################-]  99 %",
    "[########################] 100 %",
  ]);
});

Deno.test("a step is told beside the bar, or alone", () => {
  assert.match(progressLine({ percent: 5, step: "loading" }), /5 % loading$/);
  assert.equal(progressLine({ step: "loading" }), "… loading");
  assert.equal(progressLine({}), "…");
});

Deno.test("a line never wraps, and is cut between characters", () => {
  for (const columns of [1, 2, 10, 33, 40]) {
    const line = progressLine({ percent: 5, step: "🙂".repeat(80) }, columns);
    assert.ok([...line].length <= Math.max(1, columns - 1), `${columns}: ${line}`);
    assert.ok(line.isWellFormed());
  }
});
