import assert from "node:assert/strict";
import { Leases } from "../../src/relay/leases.ts";

const TTL = 60_000;

/** Leases of up to `maxStreams` a user, with a clock in the test's hand. */
function leases(maxStreams: number) {
  const clock = { now: 0 };
  return { clock, leases: new Leases({ maxStreams, ttlMs: TTL }, () => clock.now) };
}

Deno.test("a user has as many streams as are allowed, and another user has their own", () => {
  const { leases: all } = leases(2);
  const lease = all.take("ada", "job-1:a");
  all.take("ada", "job-2:a");
  assert.throws(() => all.take("ada", "job-3:a"), {
    code: "limit",
    peerText: "ada has 2 streams already: retry in 5 s",
  });
  all.take("bob", "job-3:a");
  lease.release();
  lease.release();
  all.take("ada", "job-3:a");
  assert.throws(() => all.take("ada", "job-4:a"), { code: "limit" });
});

Deno.test("a producer that resumes takes its own lease again; another run of the same channel does not", () => {
  const { leases: all } = leases(1);
  all.take("ada", "job-1:a");
  all.take("ada", "job-1:a");
  assert.throws(() => all.take("ada", "job-1:b"), {
    code: "limit",
    peerText: "ada has 1 stream already: retry in 5 s",
  });
});

Deno.test("a lease that is not renewed is over after its time, one that is holds", () => {
  const { clock, leases: all } = leases(2);
  const renewed = all.take("ada", "job-1:a");
  all.take("ada", "job-2:a");
  clock.now = TTL - 1;
  renewed.renew();
  assert.equal(all.count("ada"), 2);
  clock.now = TTL;
  assert.equal(all.count("ada"), 1);
  all.take("ada", "job-3:a");
  assert.throws(() => all.take("ada", "job-4:a"), { code: "limit" });
});

Deno.test("a lease that has lapsed, as all do while a machine sleeps, counts again once it is renewed", () => {
  const { clock, leases: all } = leases(1);
  const lease = all.take("ada", "job-1:a");
  clock.now = 2 * TTL;
  all.sweep();
  assert.equal(all.count("ada"), 0);
  lease.renew();
  assert.equal(all.count("ada"), 1);
  assert.throws(() => all.take("ada", "job-2:a"), { code: "limit" });
  lease.release();
  assert.equal(all.users, 0);
});

Deno.test("what is given back is only what was taken for it", () => {
  const { leases: all } = leases(1);
  all.take("ada", "job-1:a");
  all.take("ada", "job-1:a").unused(); // a resume that failed: the stream is there still
  assert.throws(() => all.take("ada", "job-2:a"), { code: "limit" });
  all.take("bob", "job-3:a").unused();
  all.take("bob", "job-4:a");
});

Deno.test("streams that belong to nobody are not counted", () => {
  const { leases: all } = leases(1);
  for (let n = 0; n < 10; n++) all.take(undefined, `job-${n}:a`);
});

Deno.test("users whose streams have expired are forgotten", () => {
  const { clock, leases: all } = leases(1);
  for (let n = 0; n < 100; n++) all.take(`user-${n}`, "job-1:a");
  assert.equal(all.users, 100);
  clock.now = TTL;
  all.sweep();
  assert.equal(all.users, 0);
});
