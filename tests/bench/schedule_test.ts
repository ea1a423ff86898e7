/** When messages are due. */

import assert from "node:assert/strict";
import { Schedule } from "../../src/bench/schedule.ts";

const OPTIONS = { total: 10, first: 0, count: 10, rate: 40, seed: 1 };

Deno.test("each channel has a message due once in a period, and the channels are spread evenly over it", () => {
  const schedule = new Schedule(OPTIONS);
  for (const round of [0, 1, 7]) {
    const ks = Array.from({ length: 10 }, (_, i) => 10 * round + i);
    assert.deepEqual(new Set(ks.map((k) => schedule.channelOf(k))).size, 10);
    assert.deepEqual(ks.map((k) => schedule.seqOf(k)), Array(10).fill(round));
    ks.forEach((k, i) => assert.ok(Math.abs(schedule.dueMs(k) - 25 * round - 2.5 * i) < 1e-9));
  }
});

Deno.test("what is due by turn is what is due by channel and number", () => {
  const schedule = new Schedule({ ...OPTIONS, total: 64, first: 7, count: 20, rate: 3 });
  for (let k = 0; k < 100; k++) {
    assert.equal(schedule.dueOf(schedule.channelOf(k), schedule.seqOf(k)), schedule.dueMs(k));
  }
});

Deno.test("processes that share the channels make the load that one would make", () => {
  const due = (schedule: Schedule, count: number) =>
    Array.from({ length: 3 * count }, (_, k) => schedule.dueMs(k));
  const whole = due(new Schedule(OPTIONS), 10);
  const shares = [{ first: 0, count: 3 }, { first: 3, count: 7 }];
  const parts = shares.flatMap((share) => due(new Schedule({ ...OPTIONS, ...share }), share.count));
  assert.deepEqual(parts.sort((a, b) => a - b), whole);
});

Deno.test("the order of the channels is the seed's, and always the same", () => {
  const order = (seed: number) => {
    const schedule = new Schedule({ ...OPTIONS, total: 50, count: 50, seed });
    return Array.from({ length: 50 }, (_, k) => schedule.channelOf(k));
  };
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
});

Deno.test("as many are due before a time as have an earlier one", () => {
  const schedule = new Schedule({ ...OPTIONS, rate: 7 });
  for (const ms of [0, 1, 14.3, 100, 142.857, 1000]) {
    const before = schedule.before(ms);
    assert.ok(schedule.dueMs(before) >= ms);
    if (before > 0) assert.ok(schedule.dueMs(before - 1) < ms);
  }
});
