import assert from "node:assert/strict";
import { Access } from "../../src/relay/access.ts";
import { Guard } from "../../src/relay/guard.ts";
import { mintToken } from "../../src/relay/token.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";
const CONSUME = { role: "consume", channel: "job-7" } as const;

Deno.test("an address has as many connections as are allowed, and one that ends makes room", () => {
  const guard = new Guard({ maxConnections: 2 });
  const leave = guard.enter(HERE);
  guard.enter(HERE);
  assert.throws(() => guard.enter(HERE), { code: "limit", retryAfterMs: 5_000 });
  guard.enter(THERE);
  leave();
  leave(); // counts once
  guard.enter(HERE);
  assert.throws(() => guard.enter(HERE), { code: "limit" });
});

/** Ways to write addresses, and whether they are one to the guard. */
const ADDRESSES: [string, string, boolean][] = [
  ["2001:db8::1", "2001:db8:0:0:1:2:3:4", true],
  ["2001:db8::1", "2001:0db8:0000::", true],
  ["2001:db8:0:1::1", "2001:db8::1", false],
  ["::1", "::2", true],
  ["::1", "1::", false],
  ["192.0.2.1", "192.0.2.10", false],
];

for (const [one, other, same] of ADDRESSES) {
  Deno.test(`${one} and ${other} are ${same ? "one address" : "two"}`, () => {
    const guard = new Guard({ maxConnections: 1 });
    guard.enter(one);
    const peerText = "your address has 1 connection already: retry in 5 s";
    if (same) assert.throws(() => guard.enter(other), { code: "limit", peerText });
    else guard.enter(other);
  });
}

Deno.test("after some failures an address waits, twice as long after each one more, up to a bound", () => {
  const guard = new Guard({
    maxConnections: 1,
    freeFailures: 3,
    firstDelayMs: 1_000,
    longestDelayMs: 5_000,
  });
  for (let n = 0; n < 3; n++) guard.failed(HERE, 0);
  guard.check(HERE, 0);
  let now = 0;
  for (const delay of [1_000, 2_000, 4_000, 5_000, 5_000]) {
    guard.failed(HERE, now);
    assert.throws(() => guard.check(HERE, now), { code: "limit", retryAfterMs: delay });
    guard.check(THERE, now);
    assert.throws(() => guard.check(HERE, now + delay - 1), { code: "limit" });
    guard.check(HERE, now += delay);
  }
});

Deno.test("failures are forgotten after a time without one", () => {
  const guard = new Guard({ maxConnections: 1, freeFailures: 1, forgetAfterMs: 60_000 });
  guard.failed(HERE, 0);
  guard.failed(HERE, 60_001);
  guard.check(HERE, 60_001);
  guard.failed(HERE, 60_002);
  assert.throws(() => guard.check(HERE, 60_002), { code: "limit" });
});

Deno.test("a peer is told when to come back, in words it can read", () => {
  const guard = new Guard({ maxConnections: 1, freeFailures: 0, firstDelayMs: 1_500 });
  guard.failed(HERE, 0);
  assert.throws(() => guard.check(HERE, 0), { peerText: /^too many .*: retry in 2 s$/ });
});

Deno.test("whoever comes with a hundred thousand addresses is not remembered by all of them", () => {
  const guard = new Guard({ maxConnections: 1, freeFailures: 0, firstDelayMs: 60_000 });
  const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  for (let n = 0; n < 100_000; n++) guard.failed(address(n), 0);
  guard.check(address(0), 1);
  assert.throws(() => guard.check(address(99_999), 1), { code: "limit" });
});

/** An access whose guard forgives nothing. */
function strict(): Access {
  return new Access(["s3cret"], { guard: new Guard({ maxConnections: 1, freeFailures: 0 }) });
}

Deno.test("after a guess nothing from the address is looked at, not even what is right; others are not affected", () => {
  const access = strict();
  assert.throws(() => access.admit("guess", CONSUME, { address: HERE }), { code: "unauthorized" });
  assert.throws(() => access.admit("s3cret", CONSUME, { address: HERE }), { code: "limit" });
  access.admit("s3cret", CONSUME, { address: THERE });
});

Deno.test("a forged token is a guess; no credential, an old token and one for something else are none", async () => {
  const access = strict();
  const holder = { address: HERE };
  const mint = (secret: string, now?: number) =>
    mintToken(secret, { channel: "job-7", roles: ["consume"], ttlMs: 1_000, now });
  assert.throws(() => access.admit(undefined, CONSUME, holder), { code: "unauthorized" });
  const old = await mint("s3cret", Date.now() - 60_000);
  await assert.rejects(async () => await access.admit(old, CONSUME, holder), {
    code: "unauthorized",
  });
  const token = await mint("s3cret");
  const other = { ...CONSUME, channel: "job-8" };
  await assert.rejects(async () => await access.admit(token, other, holder), { code: "forbidden" });
  await access.admit(token, CONSUME, holder);
  const forged = await mint("guess");
  await assert.rejects(async () => await access.admit(forged, CONSUME, holder), {
    code: "unauthorized",
  });
  assert.throws(() => access.admit(token, CONSUME, holder), { code: "limit" });
});
