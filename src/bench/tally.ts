/**
 * What one process counts.
 *
 * @module
 */

import { Latencies } from "./latencies.ts";
import type { WorkerSlice } from "./worker_job.ts";

/** Stretches at most; the last one takes all that follows. */
const MAX_SLICES = 128;

/** A stretch of time. */
class Slice {
  received = 0;
  readonly latency = new Latencies();
}

/** Times and counts of the messages that are measured. Times are ms of the run's own clock. */
export class Tally {
  sent = 0;
  received = 0;
  /** due → sent, and sent → received. */
  readonly ownShare = new Latencies();
  readonly relayLatency = new Latencies();
  /** Messages that never came. */
  missed = 0;
  readonly #missedLatency = new Latencies();
  readonly #slices: Slice[];
  readonly #sliceMs: number;
  #from = 0;
  #lastAt = 0;

  /** Memory for `expectedMs` is taken now, so that it is not while it counts. */
  constructor({ sliceMs, expectedMs }: { sliceMs: number; expectedMs: number }) {
    this.#sliceMs = sliceMs;
    const count = Math.min(MAX_SLICES, Math.ceil(expectedMs / sliceMs));
    this.#slices = Array.from({ length: count }, () => new Slice());
  }

  /** The first stretch begins at `ms`. */
  begin(ms: number): void {
    this.#from = this.#lastAt = ms;
  }

  /** A message was sent. */
  countSent(dueMs: number, sentMs: number): void {
    this.sent++;
    this.ownShare.record(sentMs - dueMs);
  }

  /** A message was received; numbers, as an object for each message would cost as much as counting it. */
  countReceived(dueMs: number, sentMs: number, nowMs: number): void {
    this.received++;
    this.#lastAt = nowMs;
    this.relayLatency.record(nowMs - sentMs);
    const slice = this.#sliceAt(nowMs);
    slice.received++;
    slice.latency.record(nowMs - dueMs);
  }

  /**
   * A message never came: it counts with its age at the end, as one that is left out would make a latency look better the
   * more are lost. When it was sent is not remembered, but it was at about `sentMs`.
   */
  countMissed(dueMs: number, sentMs: number, endMs: number): void {
    this.missed++;
    this.#missedLatency.record(endMs - dueMs);
    this.relayLatency.record(endMs - sentMs);
  }

  /** Time from the beginning to what was received last, ms. */
  get receivedMs(): number {
    return this.#lastAt - this.#from;
  }

  /** due → received. */
  latency(): Latencies {
    const all = new Latencies();
    for (const { latency } of this.#slices) all.add(latency);
    all.add(this.#missedLatency);
    return all;
  }

  /** The stretches, the last of which is the one of what was received last. */
  slices(): WorkerSlice[] {
    const last = Math.floor(this.receivedMs / this.#sliceMs);
    return this.#slices.slice(0, last + 1).map(({ received, latency }) => ({
      received,
      latency: { histogram: latency.stored().histogram },
    }));
  }

  #sliceAt(ms: number): Slice {
    const at = Math.min(MAX_SLICES - 1, Math.max(0, Math.floor((ms - this.#from) / this.#sliceMs)));
    while (this.#slices.length <= at) this.#slices.push(new Slice());
    return this.#slices[at];
  }
}
