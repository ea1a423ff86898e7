/**
 * Keeps what is read from a producer to its rate.
 *
 * @module
 */

import type { Rate } from "../rate.ts";

/** What is read: a socket, or the body of a request. */
export interface Source {
  /** Reads no more; what is on its way already may still be taken. */
  pause(): unknown;
  /** Reads on. */
  resume(): unknown;
}

/** Options of {@linkcode Throttle}. */
export interface ThrottleOptions {
  readonly source: Source;
  /** What the producer may send; it outlives the connection, see `Channel.rate`. */
  readonly rate: Rate;
  /** Gets what is read, and calls {@linkcode Throttle.spend} for the messages in it. Must not throw. */
  readonly feed: (bytes: Uint8Array) => void;
  /**
   * Size of what begins `bytes`, where that need not wait: a ping, say. It may be more than has come; 0 (the default) where
   * there is no such thing.
   */
  readonly free?: (bytes: Uint8Array) => number;
}

/** Bytes handed on before the rate is looked at again: what a fast producer may be ahead of it. */
const SLICE_BYTES = 4096;
/** After this time one slice is taken whatever is owed, so that pings and goodbyes behind data have their turn, ms. */
const LONGEST_MS = 10_000;

/**
 * Reads a producer no faster than its rate allows. What has come is never refused and nothing is lost: while a debt stands
 * the *next* data waits, which the producer feels as a full socket, as every client knows it. Until such data comes the
 * source is read, so that pings are answered and a goodbye is heard; then there is at most one chunk of it here.
 *
 * @example
 * ```ts
 * import { Rate } from "../rate.ts";
 * import { Throttle } from "./throttle.ts";
 * import assert from "node:assert/strict";
 *
 * const taken: Uint8Array[] = [];
 * const throttle = new Throttle({
 *   source: { pause() {}, resume() {} },
 *   rate: new Rate({ messages: 1, bytes: Infinity }, performance.now()),
 *   feed: (bytes) => void taken.push(bytes),
 * });
 * throttle.take(Uint8Array.of(1));
 * throttle.spend(100, 1); // so many messages were in it
 * throttle.take(Uint8Array.of(2));
 * assert.deepEqual(taken, [Uint8Array.of(1)]);
 * throttle.drop();
 * ```
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  #rest: Uint8Array = new Uint8Array(0);
  /** What is to be done before `#rest` is looked at. */
  #first: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;
  #handing = false;
  /** Whether the bytes being handed on are counted already. */
  #counted = false;
  #over = false;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Whether the source is not being read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether something that was read has not been handed on. */
  get pending(): boolean {
    return this.#first !== undefined || this.#rest.length > 0;
  }

  /** So much came, of which the bytes may be counted: they are as they come, so a large frame takes its time too. */
  spend(messages: number, bytes: number): void {
    this.#options.rate.spend(messages, this.#counted ? 0 : bytes, performance.now());
  }

  /** Does `first`, which hands on what came before there was a throttle, when its time has come. */
  begin(first: () => void): void {
    this.#first = first;
    this.#go();
  }

  /** Takes a copy of what was read. */
  take(chunk: Uint8Array): void {
    // a chunk comes while the source is paused only where it was in the runtime's hands already
    this.#rest = joined(this.#rest, chunk);
    if (this.#timer === undefined) this.#go();
  }

  /** Waits no more: hands on what is left, and what still comes. */
  release(): void {
    this.#over = true;
    this.#stopTimer();
    if (!this.#handing) this.#go();
  }

  /** Nobody is interested any more in what is left. */
  drop(): void {
    this.#rest = new Uint8Array(0);
    this.#first = undefined;
    this.release();
  }

  /** Hands on what may be; the first `turn` of it need not wait. */
  #go(turn = false): void {
    while (this.pending) {
      const waitMs = this.#over || turn ? 0 : this.#options.rate.waitMs(performance.now());
      const size = waitMs > 0 ? this.#free() : SLICE_BYTES;
      if (size === 0) return this.#pause(waitMs);
      if (waitMs > 0 && size > this.#rest.length) break; // the rest of it is still to come
      turn = false;
      this.#hand(size);
    }
    this.#readOn();
  }

  #free(): number {
    return this.#first === undefined ? this.#options.free?.(this.#rest) ?? 0 : 0;
  }

  #hand(size: number): void {
    this.#handing = true;
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined) this.#feed(size);
    else first();
    this.#handing = false;
  }

  #feed(size: number): void {
    const slice = new Uint8Array(this.#rest.subarray(0, size)); // a copy: it is written over
    this.#rest = this.#rest.subarray(size);
    this.#options.rate.spend(0, slice.length, performance.now());
    this.#counted = true;
    this.#options.feed(slice);
    this.#counted = false;
  }

  #pause(ms: number): void {
    this.#paused = true;
    this.#options.source.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go(true);
    }, Math.min(ms, LONGEST_MS));
  }

  #readOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.source.resume();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
