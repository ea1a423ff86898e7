import assert from "node:assert/strict";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { RunMeter } from "../../src/relay/meter.ts";
import type { ProducerLink } from "../../src/relay/producer_link.ts";
import { Run } from "../../src/relay/run.ts";
import { runOf } from "../log/channel_log_conformance.ts";

const EPOCH = "run-1";

/** A producer that notes what it is asked. */
function producer(resumable = true) {
  const asked: (string | undefined)[] = [];
  const link: ProducerLink = {
    resumable,
    drop() {},
    eased() {},
    cancel: (reason) => resumable && asked.push(reason) > 0,
  };
  return { link, asked };
}

/** A run that has `count` messages and claims to have made `next`. */
function run(link: ProducerLink, { count = 0, next = 0 } = {}): Run {
  const log = new MemoryLog(EPOCH);
  for (let n = 0; n < count; n++) log.append(runOf("x"), 1);
  return new Run(link, { log, meter: new RunMeter(), claim: { next } });
}

Deno.test("it is live, away or ended", () => {
  const { link } = producer();
  const one = run(link);
  assert.equal(one.state, "live");
  one.part(7);
  assert.deepEqual([one.state, one.awaySince, one.producer], ["away", 7, undefined]);
  one.reopen(link, undefined);
  assert.deepEqual([one.state, one.awaySince, one.producer], ["live", undefined, link]);
  one.finish({ status: "done" });
  assert.deepEqual([one.state, one.complete, one.producer], ["ended", true, undefined]);
});

Deno.test("messages that its producer has made exist, also those that have not come", () => {
  assert.equal(run(producer().link, { count: 3, next: 5 }).extent, 5);
  assert.equal(run(producer().link, { count: 3, next: 0 }).extent, 3);
});

const CLAIMS: [string, { first: number; next: number }, RegExp][] = [
  ["fewer messages than are here", { first: 0, next: 2 }, /next is 2, and 3 messages are here/],
  ["what leaves a hole", { first: 4, next: 5 }, /first is 4, and message 3 is missing/],
];

for (const [what, claim, words] of CLAIMS) {
  Deno.test(`${what} cannot be claimed`, () => {
    const one = run(producer().link, { count: 3, next: 3 });
    assert.throws(() => one.claim({ epoch: EPOCH, ...claim }), words);
    assert.equal(one.extent, 3);
  });
}

Deno.test("a complete run has no more messages; a lost one may", () => {
  for (const status of ["done", "lost"] as const) {
    const one = run(producer().link, { count: 3 });
    one.finish({ status });
    const claim = () => one.claim({ epoch: EPOCH, first: 0, next: 4 });
    if (status === "done") assert.throws(claim, /next is 4/);
    else claim();
  }
});

Deno.test("a half-open connection is handed out when another takes its place", () => {
  const [before, after] = [producer().link, producer().link];
  assert.equal(run(before).reopen(after, undefined), before);
});

Deno.test("a producer that is away is asked to stop once it is back, and once only", async () => {
  const { link, asked } = producer();
  const one = run(link);
  one.part(0);
  assert.equal(one.cancel("enough").reached, false);
  one.reopen(link, undefined);
  one.remind(link);
  one.remind(link);
  assert.deepEqual(asked, []);
  await Promise.resolve();
  assert.deepEqual(asked, ["enough"]);
});

Deno.test("who cannot be told is not reached, and whose stream has ended neither", () => {
  const plain = run(producer(false).link);
  assert.match(plain.cancel(undefined).reason!, /plain/);
  const ended = run(producer().link);
  ended.finish({ status: "cancelled" });
  assert.match(ended.cancel(undefined).reason!, /ended already: cancelled/);
});
