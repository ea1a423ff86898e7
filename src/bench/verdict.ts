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
  /** Messages that had been sent and not been received when the load was over; absent where nobody was to read then. */
  readonly backlog?: Backlog;
  /** sent → received; absent where it is that of a replay. */
  readonly relayLatency?: LatencySummary;
  /** How our own relay's process ended, where it did. */
  readonly relayEnded?: string;
  /** What programs that are neither relay nor client took of this machine; absent where it is not known. */
  readonly others?: Others;
}

/** What was under way at the end of a load. */
export interface Backlog {
  readonly messages: number;
  /** All that was to be received by then. */
  readonly of: number;
  /** How long it takes to make so many, ms. */
  readonly ms: number;
}

/** What a machine does besides a run, cores. */
export interface Others {
  readonly others: number;
  /** Others, relay and client. */
  readonly busy: number;
  readonly cores: number;
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
/** What may be under way at the end: of what was to come, and of the time. */
const UNDER_WAY = { part: 0.01, ms: 500 };
/** sent → received (p99) that a relay which keeps up has not: in ms, and against its median. */
const FAR = { ms: 100, times: 10 };
/** Of a machine's cores, what is taken where nothing is left to be had, and what others take that are to blame for it. */
const FULL = { busy: 0.85, others: 0.25 };
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
  if (evidence.relayEnded !== undefined) {
    return { limit: "relay", reasons: [`the relay's process ended: ${evidence.relayEnded}`] };
  }
  if (toldOthers > 0 || has("too_slow", "expired")) {
    const told = `readers that keep up were told that ${toldOthers} messages are gone`;
    return { limit: "memory", reasons: [...whole, told] };
  }
  if (has("limit", "unreachable", "draining")) return { limit: "sockets", reasons: whole };
  if (isFaulty(faults)) return { limit: "messages", reasons: whole };
  if (sent < KEPT_UP * due) {
    const part = percent(sent / due);
    if (relayShare >= BUSY && clientShare < BUSY) {
      return relay(`the relay's thread was busy, and took ${part} of the load`);
    }
    const made = `the client made only ${part} of the load`;
    return clientShare < BUSY && machine(evidence, made) || { limit: "client", reasons: [made] };
  }
  if (ownShare !== undefined && ownShare.p99 > OWN_MS && ownShare.p99 > OWN_PART * latency.p99) {
    const own = `${ownShare.p99.toFixed(1)} of ${latency.p99.toFixed(1)} ms`;
    const reason = `of the latency (p99) ${own} are the client's own`;
    return clientShare < BUSY && machine(evidence, reason) ||
      { limit: "client", reasons: [reason] };
  }
  const behind = fellBehind(evidence);
  if (relayShare >= BUSY) {
    return relay(`the relay's thread was busy ${percent(relayShare)}`, ...behind);
  }
  if (clientShare >= BUSY) {
    return { limit: "client", reasons: [`the client's thread was busy ${percent(clientShare)}`] };
  }
  if (behind.length > 0) return machine(evidence, ...behind) ?? relay(...behind);
  return { limit: "none", reasons: [] };
}

function relay(...reasons: string[]): Verdict {
  return { limit: "relay", reasons };
}

/** The verdict that others are to blame for what `reasons` say; `undefined` where they are not. */
function machine({ others }: Evidence, ...reasons: string[]): Verdict | undefined {
  return isCrowded(others) ? { limit: "machine", reasons: [...reasons, crowd(others)] } : undefined;
}

/** Whether other programs took what relay and client would have needed. */
export function isCrowded(others: Others | undefined): others is Others {
  if (others === undefined) return false;
  const { busy, cores } = others;
  return busy >= FULL.busy * cores && others.others >= FULL.others * cores;
}

/** Who took the machine, in words. */
export function crowd({ others, cores }: Others): string {
  return `this machine: other programs took ${others.toFixed(1)} of its ${cores} cores`;
}

const BEHIND =
  "what was received fell behind what was sent: the relay, or the way to it, is the limit";

/** What shows that messages waited between client and client. */
function fellBehind({ backlog, relayLatency }: Evidence): string[] {
  if (
    backlog !== undefined && backlog.messages > UNDER_WAY.part * backlog.of &&
    backlog.ms > UNDER_WAY.ms
  ) {
    return [`${BEHIND}; ${percent(backlog.messages / backlog.of)} had not come by the end`];
  }
  if (
    relayLatency !== undefined && relayLatency.p99 > FAR.ms &&
    relayLatency.p99 > FAR.times * relayLatency.p50
  ) {
    return [`${BEHIND}; at times, by ${relayLatency.p99.toFixed(0)} ms (p99 of sent → received)`];
  }
  return [];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}
