/**
 * Who could not do more.
 *
 * @module
 */

import type { LatencySummary } from "./latencies.ts";
import type { Faults, Limit } from "./result.ts";
import { isFaulty } from "./verifier.ts";
import type { Loss } from "./worker_job.ts";

/** What is judged. */
export interface Evidence {
  readonly due: number;
  readonly sent: number;
  readonly faults: Faults;
  /** Messages that readers that keep up were told they have missed. */
  readonly toldOthers: number;
  readonly losses: readonly Loss[];
  readonly latency: LatencySummary;
  /** Absent where the latency is that of a replay: it then has no part in it. */
  readonly ownShare?: LatencySummary;
  /** Parts of a core that the JavaScript of the relay, and of the busiest client, took; absent where it is not known. */
  readonly relayShare?: number;
  readonly clientShare?: number;
}

/** A verdict, and why, in a sentence each. */
export interface Verdict {
  readonly limit: Limit;
  readonly reasons: readonly string[];
}

/** What a client that keeps up has sent by the end. */
const KEPT_UP = 0.99;
/** Its own share that does not matter, ms, and what of the latency it may be. */
const OWN_MS = 2;
const OWN_PART = 0.5;
/** A thread that does nothing else any more. */
const BUSY = 0.95;

/**
 * Judges a run: first what went wrong, then whether the client, then whether the relay could not do more.
 *
 * @example
 * ```ts
 * import { Latencies } from "./latencies.ts";
 * import { verdictOf } from "./verdict.ts";
 * import { NO_FAULTS } from "./verifier.ts";
 * import assert from "node:assert/strict";
 *
 * const none = new Latencies().summary();
 * const evidence = { faults: NO_FAULTS, toldOthers: 0, losses: [], latency: none };
 * assert.equal(verdictOf({ ...evidence, due: 100, sent: 100 }).limit, "none");
 * assert.equal(verdictOf({ ...evidence, due: 100, sent: 50 }).limit, "client");
 * ```
 */
export function verdictOf(evidence: Evidence): Verdict {
  const { due, sent, faults, toldOthers, losses, latency, ownShare } = evidence;
  const { relayShare = 0, clientShare = 0 } = evidence;
  const whole = losses.map(({ message, count }) => count === 1 ? message : `${message}: ${count}×`);
  const has = (...codes: string[]) => losses.some(({ code }) => codes.includes(code));
  if (toldOthers > 0 || has("too_slow", "expired")) {
    const told = `readers that keep up were told that ${toldOthers} messages are gone`;
    return { limit: "memory", reasons: [...whole, told] };
  }
  if (has("limit", "unreachable", "draining")) return { limit: "sockets", reasons: whole };
  if (isFaulty(faults)) return { limit: "messages", reasons: whole };
  if (sent < KEPT_UP * due) {
    const part = percent(sent / due);
    return relayShare >= BUSY && clientShare < BUSY
      ? { limit: "relay", reasons: [`the relay's thread was busy, and took ${part} of the load`] }
      : { limit: "client", reasons: [`the client made only ${part} of the load`] };
  }
  if (ownShare !== undefined && ownShare.p99 > OWN_MS && ownShare.p99 > OWN_PART * latency.p99) {
    const own = `${ownShare.p99.toFixed(1)} of ${latency.p99.toFixed(1)} ms`;
    return { limit: "client", reasons: [`of the latency (p99) ${own} are the client's own`] };
  }
  if (relayShare >= BUSY) {
    return { limit: "relay", reasons: [`the relay's thread was busy ${percent(relayShare)}`] };
  }
  if (clientShare >= BUSY) {
    return { limit: "client", reasons: [`the client's thread was busy ${percent(clientShare)}`] };
  }
  return { limit: "none", reasons: [] };
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}
