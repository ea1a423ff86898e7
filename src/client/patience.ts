/**
 * How long those who have messages wait for room.
 *
 * @module
 */

import type { Absence } from "./absence.ts";

/** How long a relay may be away before what finds no room is dropped, ms: a blip and a restart are shorter. */
const PATIENCE_MS = 10_000;

/** Waits for a relay that has much to take, however long that takes it, and some time for one that is away. */
export class Patience {
  readonly #absence: Absence;
  readonly #ms: number;
  readonly #waiting = new Set<() => void>();

  /** An absence is waited for up to `ms` of it. */
  constructor(absence: Absence, ms: number = PATIENCE_MS) {
    this.#absence = absence;
    this.#ms = ms;
  }

  /** Resolves with `true` once `over()` holds; with `false` once the relay is away for longer than anybody waits. */
  async wait(over: () => boolean): Promise<boolean> {
    while (!over()) {
      const { since } = this.#absence;
      const ms = since === undefined ? Infinity : since + this.#ms - performance.now();
      if (ms <= 0) return false;
      await this.#change(ms);
    }
    return true;
  }

  /** Something has changed: those who wait look again. */
  changed(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next change, or after `ms`. */
  async #change(ms: number): Promise<void> {
    const { promise, resolve: wake } = Promise.withResolvers<void>();
    this.#waiting.add(wake);
    const timer = ms === Infinity ? undefined : setTimeout(wake, ms);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(wake);
  }
}
