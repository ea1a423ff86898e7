import assert from "node:assert/strict";
import { Rate } from "../../src/relay/rate.ts";
import { Throttle } from "../../src/relay/server/throttle.ts";
import { until } from "../helpers/within.ts";

const DEBT = 1_000_000;

/** A throttle of `messages` per second, and what it did: its source's state, and the bytes it handed on. */
function throttled(messages: number, free?: (bytes: Uint8Array) => number) {
  const seen = { paused: false, fed: [] as number[] };
  const rate = new Rate({ messages, bytes: Infinity }, performance.now());
  const throttle = new Throttle({
    source: { pause: () => seen.paused = true, resume: () => seen.paused = false },
    rate,
    feed: (bytes) => void seen.fed.push(...bytes),
    free,
  });
  return { throttle, rate, seen };
}

Deno.test("what fits into one burst is handed on at once", () => {
  const { throttle, seen } = throttled(1_000);
  for (let n = 0; n < 1_000; n++) {
    throttle.take(Uint8Array.of(n));
    throttle.spend(1, 1);
  }
  assert.equal(seen.fed.length, 1_000);
  assert.equal(seen.paused, false);
});

Deno.test("while a debt stands the source is read until data come, and then no more", () => {
  const { throttle, seen } = throttled(1);
  throttle.take(Uint8Array.of(1));
  throttle.spend(DEBT, 1);
  assert.deepEqual([seen.paused, throttle.paused, throttle.pending], [false, false, false]);
  throttle.take(Uint8Array.of(2));
  throttle.take(Uint8Array.of(3));
  assert.deepEqual([seen.paused, throttle.paused, throttle.pending], [true, true, true]);
  assert.deepEqual(seen.fed, [1]);
  throttle.drop();
});

Deno.test("once it is paid the data are handed on and the source is read again", async () => {
  const { throttle, seen } = throttled(1_000);
  throttle.spend(1_050, 1);
  throttle.take(Uint8Array.of(1));
  assert.equal(seen.paused, true);
  await until(() => !seen.paused, "the debt to be paid");
  assert.deepEqual(seen.fed, [1]);
});

Deno.test("another throttle with the same rate has the same debt", () => {
  const { rate, throttle: before } = throttled(1);
  before.spend(DEBT, 1);
  const fed: Uint8Array[] = [];
  const source = { pause() {}, resume() {} };
  const after = new Throttle({ source, rate, feed: (bytes) => void fed.push(bytes) });
  after.take(Uint8Array.of(1));
  assert.deepEqual(fed, []);
  after.drop();
});

Deno.test("what is free passes a debt, once all of it has come, and nothing behind data does", () => {
  const { throttle, seen } = throttled(1, ([first]) => first === 9 ? 2 : 0);
  throttle.spend(DEBT, 1);
  throttle.take(Uint8Array.of(9));
  assert.deepEqual([seen.fed, seen.paused], [[], false]);
  throttle.take(Uint8Array.of(0, 9, 1, 5, 9, 2));
  assert.deepEqual([seen.fed, seen.paused], [[9, 0, 9, 1], true]);
  throttle.drop();
});

Deno.test("what came before waits like what comes after, in order", async () => {
  const { throttle, seen } = throttled(1_000);
  throttle.spend(1_050, 1);
  throttle.begin(() => void seen.fed.push(0));
  throttle.take(Uint8Array.of(1));
  assert.deepEqual([seen.fed, seen.paused], [[], true]);
  await until(() => !seen.paused, "the debt to be paid");
  assert.deepEqual(seen.fed, [0, 1]);
});

Deno.test("released, it hands on what it has and what still comes; dropped, nothing that it had", () => {
  for (const how of ["release", "drop"] as const) {
    const { throttle, seen } = throttled(1);
    throttle.spend(DEBT, 1);
    throttle.take(Uint8Array.of(1));
    throttle[how]();
    throttle.take(Uint8Array.of(2));
    assert.deepEqual([seen.fed, seen.paused], [how === "release" ? [1, 2] : [2], false]);
  }
});

Deno.test("released by what it hands on, it hands on each byte once", () => {
  const rate = new Rate({ messages: Infinity, bytes: Infinity }, 0);
  let fed = 0;
  const throttle: Throttle = new Throttle({
    source: { pause() {}, resume() {} },
    rate,
    feed: (bytes) => {
      fed += bytes.length;
      throttle.release();
    },
  });
  throttle.take(new Uint8Array(100_000));
  assert.equal(fed, 100_000);
});
