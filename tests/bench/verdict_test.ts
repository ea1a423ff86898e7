/** Who is said to be the limit of a run. */

import assert from "node:assert/strict";
import { Latencies } from "../../src/bench/latencies.ts";
import { type Evidence, verdictOf } from "../../src/bench/verdict.ts";
import { NO_FAULTS } from "../../src/bench/verifier.ts";

function timesOf(...ms: number[]) {
  const times = new Latencies();
  for (const each of ms) times.record(each);
  return times.summary();
}

/** A run in which all went well, but for what is given. */
function judge(evidence: Partial<Evidence>) {
  const times = { latency: timesOf(1, 2), ownShare: timesOf(0.1), relayLatency: timesOf(1, 2) };
  const none = { faults: NO_FAULTS, toldOthers: 0, losses: [] };
  const { limit, reasons } = verdictOf({ due: 1000, sent: 1000, ...none, ...times, ...evidence });
  return { limit, why: reasons.join("; ") };
}

/** What takes a machine of two cores as a whole. */
const CROWD = { others: 1.1, busy: 1.95, cores: 2 };

Deno.test("where all was sent and received in time, nothing was the limit", () => {
  assert.deepEqual(judge({}), { limit: "none", why: "" });
  assert.equal(judge({ others: CROWD }).limit, "none");
  assert.equal(judge({ backlog: { messages: 12, of: 1000, ms: 120 } }).limit, "none");
});

Deno.test("what had not come by the end was held up by the relay, or on the way", () => {
  const { limit, why } = judge({ backlog: { messages: 900, of: 1000, ms: 9000 } });
  assert.equal(limit, "relay");
  assert.match(why, /fell behind what was sent: the relay, or the way to it.*90 % had not come/);
});

Deno.test("a relay that stood still for a while fell behind, and one that is far away did not", () => {
  const usual = Array.from({ length: 80 }, () => 0.3);
  const late = Array.from({ length: 20 }, () => 900);
  assert.equal(judge({ relayLatency: timesOf(...usual, ...late) }).limit, "relay");
  assert.equal(judge({ relayLatency: timesOf(200, 210, 280) }).limit, "none");
});

Deno.test("where others take the machine, neither client nor relay is the limit", () => {
  const own = { latency: timesOf(60), ownShare: timesOf(50) };
  assert.equal(judge(own).limit, "client");
  const { limit, why } = judge({ ...own, clientShare: 0.11, others: CROWD });
  assert.equal(limit, "machine");
  assert.match(why, /other programs took 1\.1 of its 2 cores/);
  assert.equal(judge({ ...own, clientShare: 0.99, others: CROWD }).limit, "client");
  assert.equal(judge({ sent: 500, clientShare: 0.1, others: CROWD }).limit, "machine");
  const behind = { backlog: { messages: 900, of: 1000, ms: 9000 } };
  assert.equal(judge({ ...behind, others: CROWD }).limit, "machine");
  assert.equal(judge({ ...behind, relayShare: 0.99, others: CROWD }).limit, "relay");
});

Deno.test("a relay whose process ended is the limit, whatever became of its connections", () => {
  const losses = [{ code: "unreachable", message: "A connection was lost", count: 7 }] as const;
  const faults = { ...NO_FAULTS, lost: 7 };
  assert.equal(judge({ losses, faults }).limit, "sockets");
  assert.deepEqual(judge({ losses, faults, relayEnded: "SIGKILL" }), {
    limit: "relay",
    why: "the relay's process ended: SIGKILL",
  });
});
