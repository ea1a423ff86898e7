/**
 * Views that are made once.
 *
 * @module
 */

/** Views up to this many bytes are kept: single messages and short batches. */
const LONGEST = 1024;

/**
 * Views of memory that is used again and again, each from the same place in it. A view of its own for each message is a
 * tenth of a kilobyte to be collected, which costs more than the message.
 *
 * @example
 * ```ts
 * import { Views } from "./views.ts";
 * import assert from "node:assert/strict";
 *
 * const views = new Views(Uint8Array.of(1, 2, 3));
 * assert.deepEqual([...views.to(2)], [1, 2]);
 * assert.equal(views.to(2), views.to(2));
 * ```
 */
export class Views<T extends Uint8Array = Uint8Array<ArrayBuffer>> {
  /** What the views are of. */
  readonly bytes: T;
  readonly #from: (end: number) => number;
  readonly #kept: (T | undefined)[] = [];

  /** A view to `end` begins at `from(end)` (default 0). */
  constructor(bytes: T, from: (end: number) => number = () => 0) {
    this.bytes = bytes;
    this.#from = from;
  }

  /** The view that ends before `end`. */
  to(end: number): T {
    if (end > LONGEST) return this.#make(end);
    return this.#kept[end] ??= this.#make(end);
  }

  #make(end: number): T {
    return this.bytes.subarray(this.#from(end), end) as T;
  }
}
