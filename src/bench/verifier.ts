/**
 * Whether a reader was given what was sent: all of it, once, in order and unchanged.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Faults } from "./result.ts";
import type { Stamp } from "./stamp.ts";

/** Numbers that are remembered as missing, so that one that comes late is told from one that comes twice. */
const MISSING_KEPT = 100_000;

/** Contents are hashed so many bytes at a time, as each call costs as much as some hundred bytes. */
const HASHED_BYTES = 1024;
/** Contents up to this size are worth collecting for that. */
const SHORT = 128;

/** A hash over contents, in order. */
export class RunningHash {
  readonly #hash = createHash("sha256");
  readonly #short = new Uint8Array(HASHED_BYTES);
  #used = 0;

  /** Adds the bytes of `content` between `from` and `to` (default: all). */
  add(content: Uint8Array, from = 0, to: number = content.length): void {
    if (this.#used + to - from > HASHED_BYTES || to - from > SHORT) this.#flush();
    if (to - from > SHORT) this.#hash.update(content.subarray(from, to));
    else while (from < to) this.#short[this.#used++] = content[from++];
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#short.subarray(0, this.#used));
    this.#used = 0;
  }

  /** Of all that was added; nothing can be added any more. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }
}

/**
 * Checks what one reader of one channel receives.
 *
 * @example
 * ```ts
 * import { Stamp } from "./stamp.ts";
 * import { RunningHash, Verifier } from "./verifier.ts";
 * import assert from "node:assert/strict";
 *
 * const stamp = new Stamp(16);
 * const sent = new RunningHash();
 * const verifier = new Verifier(stamp, 0);
 * for (const seq of [0, 1, 2]) {
 *   const content = new Uint8Array(16);
 *   stamp.write(content, 0, { channel: 0, seq, sentMs: 0 });
 *   sent.add(content);
 *   if (seq !== 1) verifier.take(content, 0, 16);
 * }
 * verifier.end({ sent: 3, hash: sent.digest() });
 * assert.equal(verifier.faults.lost, 1);
 * ```
 */
export class Verifier {
  /** Messages that it was told it has missed. */
  told = 0;
  /** Messages after the one at which it would not read on; known after {@linkcode end}. */
  unread = 0;
  readonly #stamp: Stamp;
  readonly #channel: number;
  readonly #hash = new RunningHash();
  readonly #missing = new Set<number>();
  #next = 0;
  #lost = 0;
  #doubled = 0;
  #reordered = 0;
  #altered = 0;
  #broken = 0;
  #cutOff = false;
  #distrusted = false;

  constructor(stamp: Stamp, channel: number) {
    this.#stamp = stamp;
    this.#channel = channel;
  }

  /** Whether it would not read on. */
  get distrusted(): boolean {
    return this.#distrusted;
  }

  /** What has gone wrong so far; what never came is only known after {@linkcode end}. */
  get faults(): Faults {
    return {
      lost: this.#lost,
      doubled: this.#doubled,
      reordered: this.#reordered,
      altered: this.#altered,
      broken: this.#broken,
    };
  }

  /** Takes the content of a message; returns its number, or -1 where it is not the one that is to come next. */
  take(bytes: Uint8Array, from: number, to: number): number {
    this.#hash.add(bytes, from, to);
    const seq = to - from === this.#stamp.size ? this.#stamp.seqOf(bytes, from) : -1;
    if (seq < 0 || !this.#stamp.fits(bytes, from, { channel: this.#channel, seq })) {
      // its number cannot be trusted: it is taken for the one whose place it has
      this.#altered++;
      this.#next++;
      return -1;
    }
    if (seq !== this.#next) return this.#misplaced(seq);
    this.#next++;
    return seq;
  }

  /** The relay has said that all before `next` are gone. */
  skipTo(next: number): void {
    if (next <= this.#next) return;
    this.told += next - this.#next;
    this.#next = next;
  }

  /** The relay has said that it gives this reader no more, as it is too slow. */
  cutOff(): void {
    this.#cutOff = true;
  }

  /** The reader was told of no end, or of one that is not good. */
  break(): void {
    this.#broken = 1;
  }

  /** The reader would not read on: what came next was not what the producer has encrypted. */
  distrust(): void {
    this.#altered++;
    this.#distrusted = true;
  }

  /** Numbers of the messages of `sent` that never came, as many as are remembered; call it after {@linkcode end}. */
  *missing(sent: number): Generator<number> {
    yield* this.#missing;
    if (this.#distrusted) return;
    for (let seq = this.#next; seq < sent; seq++) yield seq;
  }

  /** Counts what is missing of `sent` messages; `hash` is that of all of them. */
  end({ sent, hash }: { sent: number; hash?: string }): void {
    if (this.#cutOff) this.skipTo(sent);
    const rest = Math.max(0, sent - this.#next);
    // the first of them is the one that was not what it should be
    if (this.#distrusted) this.unread = Math.max(0, rest - 1);
    else this.#lost += rest;
    if (this.told > 0 || this.#anyFault()) return; // another hash says nothing new then
    // one whose number and filler are right, and whose time is not
    if (hash !== undefined && this.#hash.digest() !== hash) this.#altered++;
  }

  #misplaced(seq: number): number {
    if (seq > this.#next) {
      this.#lost += seq - this.#next;
      for (let n = this.#next; n < seq && this.#missing.size < MISSING_KEPT; n++) {
        this.#missing.add(n);
      }
      this.#next = seq + 1;
    } else if (this.#missing.delete(seq)) {
      this.#lost--;
      this.#reordered++;
    } else {
      this.#doubled++;
    }
    return -1;
  }

  #anyFault(): boolean {
    return this.#lost + this.#doubled + this.#reordered + this.#altered + this.#broken > 0;
  }
}

/** The sum of faults. */
export function addFaults(a: Faults, b: Faults): Faults {
  return {
    lost: a.lost + b.lost,
    doubled: a.doubled + b.doubled,
    reordered: a.reordered + b.reordered,
    altered: a.altered + b.altered,
    broken: a.broken + b.broken,
  };
}

/** None. */
export const NO_FAULTS: Faults = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };

/** Whether there is any. */
export function isFaulty({ lost, doubled, reordered, altered, broken }: Faults): boolean {
  return lost + doubled + reordered + altered + broken > 0;
}
