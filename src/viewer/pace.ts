/**
 * How fast tokens come.
 *
 * @module
 */

/** Seconds that are kept: two minutes are what a reader looks back on. */
export const KEPT_SECONDS = 120;

/**
 * Counts tokens by the second. Those that existed before the page came, or while it was away, say nothing about the
 * producer's pace and are left out.
 *
 * @example
 * ```ts
 * import { Pace } from "./pace.ts";
 * import assert from "node:assert/strict";
 *
 * const pace = new Pace(0);
 * pace.count(30, 1_200);
 * pace.count(10, 1_900);
 * assert.deepEqual(pace.perSecond(3_000), { seconds: [0, 1, 2], tokens: [0, 40, 0] });
 * assert.equal(pace.firstTokenMs, 1_200);
 * ```
 */
export class Pace {
  /** When the first token came, old ones too, ms since the start. */
  firstTokenMs: number | undefined;
  /** All tokens. */
  total = 0;

  readonly #startMs: number;
  readonly #buckets = new Map<number, number>();
  #liveTokens = 0;
  #firstLiveMs = 0;
  #lastLiveMs = 0;

  /** Counts from `startMs` on; this and other times are those of one clock, ms. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** So many tokens came at `nowMs`, `live` ones or old ones. */
  count(tokens: number, nowMs: number, { live = true } = {}): void {
    if (tokens === 0) return;
    this.firstTokenMs ??= nowMs - this.#startMs;
    this.total += tokens;
    if (!live) return;
    if (this.#liveTokens === 0) this.#firstLiveMs = nowMs;
    this.#liveTokens += tokens;
    this.#lastLiveMs = nowMs;
    const second = this.#second(nowMs);
    this.#buckets.set(second, (this.#buckets.get(second) ?? 0) + tokens);
    this.#forget(second - KEPT_SECONDS);
  }

  /** Tokens of each whole second that is kept, the oldest first. */
  perSecond(nowMs: number): { seconds: number[]; tokens: number[] } {
    const now = this.#second(nowMs);
    const first = Math.max(0, now - KEPT_SECONDS);
    const seconds = Array.from({ length: now - first }, (_, i) => first + i);
    return { seconds, tokens: seconds.map((second) => this.#buckets.get(second) ?? 0) };
  }

  /** Tokens per second over the last three whole seconds. */
  present(nowMs: number): number {
    const now = this.#second(nowMs);
    const last = [now - 3, now - 2, now - 1].filter((second) => second >= 0);
    const sum = last.reduce((sum, second) => sum + (this.#buckets.get(second) ?? 0), 0);
    return sum / Math.max(1, last.length);
  }

  /** Tokens per second over all live ones; `undefined` where there are too few to tell. */
  get mean(): number | undefined {
    const ms = this.#lastLiveMs - this.#firstLiveMs;
    return this.#liveTokens > 1 && ms > 0 ? (this.#liveTokens - 1) * 1_000 / ms : undefined;
  }

  #second(nowMs: number): number {
    return Math.floor((nowMs - this.#startMs) / 1_000);
  }

  #forget(before: number): void {
    for (const second of this.#buckets.keys()) {
      if (second >= before) return; // they are in order
      this.#buckets.delete(second);
    }
  }
}
