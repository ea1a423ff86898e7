import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { Backoff, pause } from "../../src/client/backoff.ts";
import { within } from "../helpers/within.ts";

/** Far beyond what any test takes, ms. */
const NEVER_MS = 1_000_000;
/** Bounds of the delays, ms. */
const CEILINGS = [0, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000];
/** The least and the greatest of what `Math.random` can say. */
const [LEAST, GREATEST] = [0, 1 - 2 ** -53];

Deno.test.sanitizer({ ops: true, resources: true });

/** Runs `body`, in which every random number is `value`. */
function withRandom(value: number, body: () => void): void {
  const { random } = Math;
  Math.random = () => value;
  try {
    body();
  } finally {
    Math.random = random;
  }
}

function delays(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

Deno.test("the first retry comes at once, the others after any part of 0.5, 1, 2 … 15 s", () => {
  fc.assert(
    fc.property(fc.double({ min: LEAST, max: GREATEST, noNaN: true }), (part) => {
      withRandom(part, () => {
        const expected = CEILINGS.map((ceiling) => part * ceiling);
        assert.deepEqual(delays(new Backoff(), CEILINGS.length), expected);
      });
    }),
    { examples: [[LEAST], [0.5], [GREATEST]] },
  );
});

Deno.test("no delay is beyond 15 s, however often it failed", () => {
  withRandom(GREATEST, () => {
    const backoff = new Backoff();
    for (const delay of delays(backoff, 3000)) assert.ok(delay >= 0 && delay <= 15_000);
    assert.ok(backoff.next() > 14_999);
  });
});

Deno.test("two clients that fail together do not come back in step", () => {
  const [ours, theirs] = [delays(new Backoff(), 20), delays(new Backoff(), 20)];
  assert.deepEqual([ours[0], theirs[0]], [0, 0]);
  assert.notDeepEqual(ours, theirs);
});

Deno.test("after a success the next failure is the first one again", () => {
  withRandom(GREATEST, () => {
    for (const failures of [0, 1, 2, 50]) {
      const backoff = new Backoff();
      delays(backoff, failures);
      backoff.reset();
      const [first, second, third] = delays(backoff, 3);
      assert.equal(first, 0);
      assert.ok(second <= 500 && third <= 1000);
    }
  });
});

Deno.test("a pause ends by itself and leaves nothing at its signal", async () => {
  const { signal } = new AbortController();
  for (const ms of [0, 1, 0.5]) await within(pause(ms, signal), "the end of a pause");
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});

Deno.test("a pause that is aborted ends with the reason, its timer and all", async () => {
  const controller = new AbortController();
  const reason = new Error("interrupted");
  const pauses = [1, 2].map(() => pause(NEVER_MS, controller.signal));
  assert.equal(getEventListeners(controller.signal, "abort").length, 2);
  controller.abort(reason);
  for (const paused of pauses) {
    await within(assert.rejects(paused, (error) => error === reason), "the end of a pause");
  }
  assert.deepEqual(getEventListeners(controller.signal, "abort"), []);
});

Deno.test("a pause does not begin where the signal is aborted already", async () => {
  const reason = new Error("interrupted");
  const signal = AbortSignal.abort(reason);
  await within(assert.rejects(pause(0, signal), (error) => error === reason), "the refusal");
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});

Deno.test("an abort after the end of a pause changes nothing", async () => {
  const controller = new AbortController();
  const paused = pause(0, controller.signal);
  await within(paused, "the end of a pause");
  controller.abort();
  assert.equal(await paused, undefined);
});
