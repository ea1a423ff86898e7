/**
 * What the runs of `bench ttft` have shown so far.
 *
 * @module
 */

import { Latencies } from "./latencies.ts";
import type { Faults, TtftResult, TtftRun } from "./result.ts";
import type { TokenSeen, TokenTimes } from "./token_times.ts";

/** The part of a result that is measured. */
export type TtftFigures = Pick<
  TtftResult,
  "runs" | "streaming" | "batch" | "gaps" | "jitter" | "ownShare"
>;

/** Counts the tokens of all runs as they come, so that there is something to show at any time. */
export class TtftTally {
  readonly latency = new Latencies();
  readonly #streaming = { firstToken: new Latencies(), total: new Latencies() };
  readonly #batch = { firstToken: new Latencies(), total: new Latencies() };
  readonly #gaps = { sent: new Latencies(), received: new Latencies() };
  readonly #jitter = new Latencies();
  readonly #ownShare = new Latencies();
  readonly #runs: TtftRun[] = [];
  readonly #faults = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };

  /** Runs that came to their end. */
  get runs(): number {
    return this.#runs.length;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** A token was sent `lateMs` after it was due, and `gapMs` after the one before. */
  sent(lateMs: number, gapMs: number | undefined): void {
    this.#ownShare.record(lateMs);
    if (gapMs !== undefined) this.#gaps.sent.record(gapMs);
  }

  /** A token came, `afterMs` the start of its job. */
  received({ index, latency, gaps }: TokenSeen, afterMs: number): void {
    this.latency.record(latency);
    if (index === 0) this.#streaming.firstToken.record(afterMs);
    if (gaps === undefined) return;
    this.#gaps.received.record(gaps.received);
    this.#jitter.record(Math.abs(gaps.received - gaps.sent));
  }

  /** A run came to its end. */
  finished(run: TtftRun): void {
    this.#runs.push(run);
    this.#streaming.total.record(run.streaming.total);
    this.#batch.firstToken.record(run.batch.firstToken);
    this.#batch.total.record(run.batch.total);
  }

  /** The streams of a run are to be judged, whole or not. */
  verify(
    times: TokenTimes,
    { whole, batchIntact }: { whole: boolean; batchIntact: boolean },
  ): void {
    this.#faults.altered += times.altered;
    this.#faults.doubled += times.surplus;
    if (!whole) return;
    this.#faults.lost += times.lost;
    if (!batchIntact) this.#faults.altered++;
  }

  /** A stream ended otherwise than with done. */
  broken(): void {
    this.#faults.broken++;
  }

  figures(): TtftFigures {
    return {
      runs: this.#runs,
      streaming: stored(this.#streaming),
      batch: stored(this.#batch),
      gaps: stored(this.#gaps),
      jitter: this.#jitter.stored(),
      ownShare: this.#ownShare.stored(),
    };
  }
}

function stored<Name extends string>(latencies: Record<Name, Latencies>) {
  const entries = Object.entries<Latencies>(latencies);
  return Object.fromEntries(entries.map(([name, value]) => [name, value.stored()])) as Record<
    Name,
    ReturnType<Latencies["stored"]>
  >;
}
