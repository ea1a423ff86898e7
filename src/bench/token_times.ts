/**
 * When the tokens of one stream went and came.
 *
 * @module
 */

import type { Lane } from "./lane.ts";
import type { DueToken } from "./model.ts";

/** What one more token showed, ms. */
export interface TokenSeen {
  /** Its place in the stream, from 0. */
  readonly index: number;
  /** From its sending to where it was to go. */
  readonly latency: number;
  /** From the token before it to it, as sent and as received; absent of the first one. */
  readonly gaps?: { readonly sent: number; readonly received: number };
}

/**
 * Times of one stream, of `performance.now()`, and whether it is what was sent. Where tokens come back from another host,
 * they are taken to have been there half-way between going and coming.
 *
 * @example
 * ```ts
 * import { TokenTimes } from "./token_times.ts";
 * import assert from "node:assert/strict";
 *
 * const times = new TokenTimes([{ dueMs: 0, content: "Hi" }], { there: "ping", back: "pong" });
 * times.sent(1000);
 * assert.deepEqual(times.received("Hi", 1010), { index: 0, latency: 5 });
 * assert.equal(times.lost, 0);
 * ```
 */
export class TokenTimes {
  /** Tokens that were sent, and those of them that came. */
  sentCount = 0;
  receivedCount = 0;
  /** Tokens that came with another content than was sent. */
  altered = 0;
  /** Tokens that came after the last one. */
  surplus = 0;
  readonly #tokens: readonly DueToken[];
  readonly #halves: boolean;
  readonly #sentAt: Float64Array;
  readonly #receivedAt: Float64Array;

  constructor(tokens: readonly DueToken[], { there, back }: Lane) {
    this.#tokens = tokens;
    this.#halves = there !== back;
    this.#sentAt = new Float64Array(tokens.length);
    this.#receivedAt = new Float64Array(tokens.length);
  }

  /** Tokens that did not come. */
  get lost(): number {
    return this.#tokens.length - this.receivedCount;
  }

  /** The next token is sent at `now`; returns the time since the one before, ms. */
  sent(now: number): number | undefined {
    const index = this.sentCount++;
    this.#sentAt[index] = now;
    return index === 0 ? undefined : now - this.#sentAt[index - 1];
  }

  /** The next token came at `now`; `undefined` where none was to come. */
  received(content: string, now: number): TokenSeen | undefined {
    const index = this.receivedCount;
    if (index >= this.sentCount) {
      this.surplus++;
      return undefined;
    }
    this.receivedCount++;
    if (content !== this.#tokens[index].content) this.altered++;
    const sent = this.#sentAt[index];
    const at = this.#halves ? (sent + now) / 2 : now;
    this.#receivedAt[index] = at;
    const latency = at - sent;
    if (index === 0) return { index, latency };
    const gaps = {
      sent: sent - this.#sentAt[index - 1],
      received: at - this.#receivedAt[index - 1],
    };
    return { index, latency, gaps };
  }

  /** When the token at `index` was there, ms after `start`. */
  receivedAfter(start: number, index: number): number {
    return this.#receivedAt[index] - start;
  }

  /** What sending to receiving took, ms, of all that came. */
  latencies(): number[] {
    return Array.from(
      { length: this.receivedCount },
      (_, i) => this.#receivedAt[i] - this.#sentAt[i],
    );
  }

  /** When tokens were there, ms after `start`: at most `most` of them, evenly taken, the first and the last among them. */
  sample(start: number, most: number): number[] {
    const count = this.receivedCount;
    const length = Math.min(most, count);
    const step = length < 2 ? 0 : (count - 1) / (length - 1);
    return Array.from({ length }, (_, i) => this.receivedAfter(start, Math.round(i * step)));
  }
}
