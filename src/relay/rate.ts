/**
 * How fast the producers of a channel may send.
 *
 * @module
 */

/** Options of {@linkcode Rate}. */
export interface RateOptions {
  /** Messages per second, `Infinity` for as many as it likes. */
  readonly messages: number;
  /** Bytes per second, likewise. */
  readonly bytes: number;
}

/**
 * Says how long a producer is to wait so that on average it keeps to messages and bytes per second; one second's worth may
 * come at once. What has been sent is never refused: the wait is the answer, and the producer feels it as a slow relay.
 *
 * It belongs to a channel, not to a connection: a producer that comes back, or one run after another, goes on paying for what
 * came before.
 *
 * It has no clock: who calls passes the time, ms.
 *
 * @example
 * ```ts
 * import { Rate } from "./rate.ts";
 * import assert from "node:assert/strict";
 *
 * const rate = new Rate({ messages: 10, bytes: Infinity }, 0);
 * rate.spend(10, 1_000, 0);
 * assert.equal(rate.waitMs(0), 0);
 * rate.spend(5, 500, 0);
 * assert.equal(rate.waitMs(0), 500);
 * assert.equal(rate.waitMs(500), 0);
 * ```
 */
export class Rate {
  readonly #options: RateOptions;
  /** When all that was sent so far would have been, at the rate, ms. */
  #messagesAt: number;
  #bytesAt: number;

  constructor(options: RateOptions, now: number) {
    this.#options = options;
    this.#messagesAt = this.#bytesAt = now - BURST_MS;
  }

  /** Whether there is a rate to keep to. */
  static limits({ messages, bytes }: RateOptions): boolean {
    return messages !== Infinity || bytes !== Infinity;
  }

  /** So much was sent at `now`. */
  spend(messages: number, bytes: number, now: number): void {
    const earliest = now - BURST_MS; // what was not used before that is lost
    this.#messagesAt = Math.max(earliest, this.#messagesAt) +
      messages * 1000 / this.#options.messages;
    this.#bytesAt = Math.max(earliest, this.#bytesAt) + bytes * 1000 / this.#options.bytes;
  }

  /** How long to take nothing more, ms; 0 where there is no need to wait. */
  waitMs(now: number): number {
    return Math.max(0, this.#messagesAt - now, this.#bytesAt - now);
  }
}

/** What may be saved up, ms. */
const BURST_MS = 1_000;
