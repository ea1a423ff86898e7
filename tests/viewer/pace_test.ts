import assert from "node:assert/strict";
import { KEPT_SECONDS, Pace } from "../../src/viewer/pace.ts";

Deno.test("only tokens that came live count for the pace, and all for the total", () => {
  const pace = new Pace(1_000);
  pace.count(500, 1_250, { live: false });
  assert.equal(pace.firstTokenMs, 250);
  assert.equal(pace.mean, undefined);
  for (let i = 0; i <= 10; i++) pace.count(2, 2_000 + i * 100);
  assert.equal(pace.total, 522);
  assert.equal(pace.mean, 21);
  assert.deepEqual(pace.perSecond(4_000), { seconds: [0, 1, 2], tokens: [0, 20, 2] });
});

Deno.test("the present pace is that of the last three whole seconds", () => {
  const pace = new Pace(0);
  pace.count(6, 100);
  assert.equal(pace.present(900), 0); // that second is not over
  assert.equal(pace.present(1_000), 6);
  assert.equal(pace.present(3_500), 2);
  assert.equal(pace.present(4_000), 0);
});

Deno.test("what is older than two minutes is forgotten", () => {
  const pace = new Pace(0);
  for (let second = 0; second < 500; second++) pace.count(1, second * 1_000);
  const { seconds, tokens } = pace.perSecond(500_000);
  assert.equal(seconds.length, KEPT_SECONDS);
  assert.equal(seconds[0], 380);
  assert.ok(tokens.every((count) => count === 1));
});

Deno.test("a message without tokens is no first token", () => {
  const pace = new Pace(0);
  pace.count(0, 100);
  assert.equal(pace.firstTokenMs, undefined);
});
