import assert from "node:assert/strict";
import { NewestRun } from "../../src/crypto/newest_run.ts";

const OLD = "0mg3x9k2a-Zk3_b0aTq9-x";
const SAME_TIME = "0mg3x9k2a-aaaaaaaaaaaa";
const NEW = "0mg3x9k2b-Zk3_b0aTq9-x";

Deno.test("a newer run is let through, one of the same or an earlier time is not", () => {
  const newest = new NewestRun();
  newest.check(OLD); // nothing was seen
  newest.seen(OLD);
  newest.check(NEW);
  for (const epoch of [OLD, SAME_TIME]) {
    assert.throws(() => newest.check(epoch), { name: "RelayError", code: "integrity" });
  }
  newest.seen(NEW);
  assert.throws(() => newest.check(OLD), { code: "integrity" });
});

Deno.test("a run without a time has no age, and does not hide that of another", () => {
  const newest = new NewestRun();
  newest.seen(NEW);
  newest.check("run-1");
  newest.check(undefined);
  newest.seen("run-1");
  assert.throws(() => newest.check(OLD), { code: "integrity" });
});

Deno.test("the newest run is known again", () => {
  const newest = new NewestRun();
  assert.equal(newest.is(undefined), false);
  newest.seen(NEW);
  assert.deepEqual([newest.is(NEW), newest.is(OLD)], [true, false]);
});
