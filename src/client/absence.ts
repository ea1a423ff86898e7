/**
 * The time in which a relay cannot be reached.
 *
 * @module
 */

import { Backoff, pause } from "./backoff.ts";

/**
 * How long a relay is away, from the first failure to the connection that stands, when it is tried again, and for how long.
 *
 * @example
 * ```ts
 * import { Absence } from "./absence.ts";
 * import assert from "node:assert/strict";
 *
 * const absence = new Absence(600_000);
 * absence.begin();
 * assert.ok(absence.leftMs > 0);
 * assert.deepEqual([absence.tell(), absence.tell()], [true, false]);
 * assert.equal(absence.end(), true);
 * assert.equal(absence.since, undefined);
 * ```
 */
export class Absence {
  readonly #giveUpMs: number;
  readonly #backoff = new Backoff();
  #since: number | undefined;
  #told = false;

  /** The relay may be away for `giveUpMs` each time. */
  constructor(giveUpMs: number) {
    this.#giveUpMs = giveUpMs;
  }

  /** When it began, ms of `performance.now()`; `undefined` while the relay is there. */
  get since(): number | undefined {
    return this.#since;
  }

  /** How long it may still last, ms; at 0 nothing is tried any more. */
  get leftMs(): number {
    const now = performance.now();
    return Math.max(0, (this.#since ?? now) + this.#giveUpMs - now);
  }

  /** The relay is not there; nothing changes where that was known. */
  begin(): void {
    this.#since ??= performance.now();
  }

  /** Whether somebody is still to be told of it: once for each absence. */
  tell(): boolean {
    const first = !this.#told;
    this.#told = true;
    return first;
  }

  /** The relay is there. Returns whether somebody was told that it was not. */
  end(): boolean {
    const told = this.#told;
    this.#since = undefined;
    this.#told = false;
    return told;
  }

  /** The relay is of use: only now the next failure is a first one. A welcome alone is no progress. */
  progressed(): void {
    this.#backoff.reset();
  }

  /**
   * Waits until the next attempt is due, for `leastMs` where the peer said so. Rejects with the reason of `signal` when that
   * is aborted.
   */
  async pause(signal: AbortSignal, leastMs?: number): Promise<void> {
    await pause(Math.min(this.leftMs, this.#backoff.next(leastMs)), signal);
  }
}
