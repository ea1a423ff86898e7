/**
 * The time that an interrupted producer has.
 *
 * @module
 */

import type { Delivery } from "./delivery.ts";

/**
 * Lets the delivery go when an interrupted command has had its time: the scheduler's SIGKILL is near. Where everything is
 * over but for a relay that is away, it has had it.
 *
 * @example
 * ```ts
 * import { GraceLimit } from "./grace_limit.ts";
 *
 * const abandoned = Promise.withResolvers<void>();
 * const interrupt = new AbortController();
 * using _limit = new GraceLimit(
 *   { waiting: false, abandon: abandoned.resolve },
 *   interrupt.signal,
 *   10,
 * );
 * interrupt.abort();
 * await abandoned.promise;
 * ```
 */
export class GraceLimit implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #signal: AbortSignal;
  readonly #start: () => void;

  /** From the abort of `signal` on `delivery` has `graceMs`. */
  constructor(
    delivery: Pick<Delivery, "waiting" | "abandon">,
    signal: AbortSignal,
    graceMs: number,
  ) {
    this.#signal = signal;
    this.#start = () => {
      this.#timer = setTimeout(() => delivery.abandon(), delivery.waiting ? 0 : graceMs);
    };
    if (signal.aborted) this.#start();
    signal.addEventListener("abort", this.#start, { once: true });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#start);
  }
}
