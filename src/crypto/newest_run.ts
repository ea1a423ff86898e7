/**
 * The age of runs.
 *
 * @module
 */

import { integrityFault } from "./integrity_fault.ts";

/** An epoch that begins with the start of its run: ms since 1970, in base 36, of fixed width. */
const TIMED_EPOCH = /^[0-9a-z]{9}-[A-Za-z0-9_-]{12}$/;
const TIME_DIGITS = 9;

/**
 * Remembers the newest run that was seen, so that a relay cannot put an older one in its place. Runs whose epoch does not
 * begin with a time have no age, and are let through.
 *
 * @example
 * ```ts
 * import { NewestRun } from "./newest_run.ts";
 * import assert from "node:assert/strict";
 *
 * const newest = new NewestRun();
 * newest.seen("0mg3x9k2a-Zk3_b0aTq9-x");
 * newest.check("0mg3x9k2b-aaaaaaaaaaaa");
 * assert.throws(() => newest.check("0mg3x9k29-aaaaaaaaaaaa"), { code: "integrity" });
 * ```
 */
export class NewestRun {
  /** One that was only announced does not count: it may be forged, and far in the future. */
  #epoch: string | undefined;

  /** Whether `epoch` is the newest run itself. */
  is(epoch: string | undefined): boolean {
    return epoch !== undefined && epoch === this.#epoch;
  }

  /** A message has proven run `epoch`, or an earlier reader has read some of it. */
  seen(epoch: string): void {
    if (TIMED_EPOCH.test(epoch)) this.#epoch = epoch;
  }

  /**
   * Judges a run that is to be read after the newest one. Two that started in one millisecond count as the same age, and the
   * second is refused.
   *
   * @throws {RelayError} `integrity` where it is not newer.
   */
  check(epoch: string | undefined): void {
    if (this.#epoch === undefined || epoch === undefined || !TIMED_EPOCH.test(epoch)) return;
    if (epoch.slice(0, TIME_DIGITS) > this.#epoch.slice(0, TIME_DIGITS)) return;
    throw integrityFault(
      "the relay replays an older run of the channel, or the clock of the new run's producer is behind",
    );
  }
}
