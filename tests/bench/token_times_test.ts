import assert from "node:assert/strict";
import { TokenTimes } from "../../src/bench/token_times.ts";

const TOKENS = ["a", "b", "c"].map((content, i) => ({ dueMs: i, content }));
const ONE_CLOCK = { there: "x", back: "x" };
const PING_PONG = { there: "ping", back: "pong" };

/** Tokens that are all sent, one a second, from 1,000 on. */
function sent(lane = ONE_CLOCK): TokenTimes {
  const times = new TokenTimes(TOKENS, lane);
  const gaps = TOKENS.map((_, i) => times.sent(1_000 * (i + 1)));
  assert.deepEqual(gaps, [undefined, 1_000, 1_000]);
  return times;
}

Deno.test("a token's latency is from sending to receiving; gaps are those on both sides", () => {
  const times = sent();
  assert.deepEqual(times.received("a", 1_010), { index: 0, latency: 10 });
  assert.deepEqual(times.received("b", 2_030), {
    index: 1,
    latency: 30,
    gaps: { sent: 1_000, received: 1_020 },
  });
  assert.deepEqual(times.latencies(), [10, 30]);
  assert.equal(times.receivedAfter(1_000, 1), 1_030);
});

Deno.test("a token that comes back was there half-way", () => {
  const times = sent(PING_PONG);
  assert.deepEqual(times.received("a", 1_010), { index: 0, latency: 5 });
  assert.deepEqual(times.received("b", 2_030), {
    index: 1,
    latency: 15,
    gaps: { sent: 1_000, received: 1_010 },
  });
  assert.equal(times.receivedAfter(0, 1), 2_015);
});

Deno.test("what did not come, what came otherwise and what came on top is counted", () => {
  const times = sent();
  times.received("a", 1_010);
  times.received("c", 3_010);
  assert.deepEqual([times.lost, times.altered, times.surplus], [1, 1, 0]);
  times.received("c", 3_010);
  assert.equal(times.received("c", 3_010), undefined);
  assert.deepEqual([times.lost, times.altered, times.surplus], [0, 1, 1]);
});

Deno.test("a token that comes before it was sent is no token of this stream", () => {
  const times = new TokenTimes(TOKENS, ONE_CLOCK);
  assert.equal(times.received("a", 1), undefined);
  assert.deepEqual([times.lost, times.surplus], [3, 1]);
});

Deno.test("a sample has the first and the last token, and no more than asked for", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => ({ dueMs: i, content: "x" }));
  const times = new TokenTimes(many, ONE_CLOCK);
  for (let i = 0; i < many.length; i++) {
    times.sent(i);
    times.received("x", i);
  }
  const sample = times.sample(0, 7);
  assert.deepEqual([sample.length, sample[0], sample[6]], [7, 0, 999]);
  assert.deepEqual(sample, sample.toSorted((a, b) => a - b));
  assert.equal(times.sample(0, 2_000).length, 1_000);
  assert.deepEqual(times.sample(0, 1), [0]);
  assert.deepEqual(new TokenTimes(TOKENS, ONE_CLOCK).sample(0, 7), []);
});
