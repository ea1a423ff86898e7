/**
 * When to try again.
 *
 * @module
 */

const BASE_MS = 500;
const CAP_MS = 15_000;

/**
 * Delays between attempts: the first retry at once, then exponential with full jitter, so that a thousand clients of a
 * relay that restarts do not come back in step.
 *
 * @example
 * ```ts
 * import { Backoff } from "./backoff.ts";
 * import assert from "node:assert/strict";
 *
 * const backoff = new Backoff();
 * assert.equal(backoff.next(), 0);
 * assert.ok(backoff.next() <= 500);
 * ```
 */
export class Backoff {
  #attempt = 0;

  /**
   * The next delay, ms: 0, then a random part of 500, 1,000, 2,000 … up to 15,000. A peer that said when to come back
   * (`leastMs`) is given that time, and up to a tenth more.
   */
  next(leastMs: number = 0): number {
    const attempt = this.#attempt++;
    const own = attempt === 0 ? 0 : Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
    return Math.max(own, leastMs * (1 + Math.random() / 10));
  }

  /** It worked: the next failure is the first one again. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** Resolves after `ms`, or rejects with the reason when `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
