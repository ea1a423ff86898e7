/**
 * Memory for the small segments of many logs.
 *
 * @module
 */

/** What blocks are counted in, bytes. */
const UNIT = 1024;

/** A piece of memory, and which units of it are taken. */
class Chunk {
  readonly bytes: Uint8Array;
  readonly #taken: Uint8Array;
  /** Units that are free. */
  free: number;
  /** The longest run of free units is not longer. */
  longest: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.free = this.longest = bytes.length / UNIT;
    this.#taken = new Uint8Array(this.free);
  }

  /** Whether nothing of it is taken. */
  get empty(): boolean {
    return this.free === this.#taken.length;
  }

  /** Takes `bytes` in a row where there are as many. */
  take(bytes: number): Uint8Array | undefined {
    const units = Math.ceil(bytes / UNIT);
    if (this.longest < units) return undefined;
    let longest = 0;
    for (let at = 0, run = 0; at < this.#taken.length; at++) {
      run = this.#taken[at] === 0 ? run + 1 : 0;
      if (run > longest) longest = run;
      if (run === units) return this.#takeAt(at + 1 - units, bytes);
    }
    this.longest = longest;
    return undefined;
  }

  /** Takes a block back. */
  give(block: Uint8Array): void {
    const from = (block.byteOffset - this.bytes.byteOffset) / UNIT;
    const units = Math.ceil(block.length / UNIT);
    this.#taken.fill(0, from, from + units);
    this.free += units;
    this.longest = this.free; // it is looked up when it matters
  }

  #takeAt(from: number, bytes: number): Uint8Array {
    const units = Math.ceil(bytes / UNIT);
    this.#taken.fill(1, from, from + units);
    this.free -= units;
    return this.bytes.subarray(from * UNIT, from * UNIT + bytes);
  }
}

/** Options of {@linkcode Arena}. */
export interface ArenaOptions {
  /** Makes a piece of memory of a whole number of KiB, at most 256 of them, each in a buffer of its own. */
  readonly make: () => Uint8Array;
  /** Nothing of a piece is in use, until a block of it is handed out again (default: nothing is done about it). */
  readonly rest?: (bytes: Uint8Array) => void;
}

/**
 * Hands out blocks of large pieces of memory, which it keeps: as much as was in use at the same time, rounded up.
 *
 * @example
 * ```ts
 * import { Arena } from "./arena.ts";
 * import assert from "node:assert/strict";
 *
 * const arena = new Arena({ make: () => new Uint8Array(8192) });
 * const block = arena.take(3000);
 * assert.equal(block.length, 3000);
 * assert.equal(arena.give(block), true);
 * ```
 */
export class Arena {
  readonly #options: ArenaOptions;
  readonly #chunks = new Map<ArrayBufferLike, Chunk>();
  /** Where there was room the last time. */
  #last: Chunk | undefined;

  constructor(options: ArenaOptions) {
    this.#options = options;
  }

  /** Bytes in use, in whole KiB for each block, and of all pieces. */
  get usage(): { readonly used: number; readonly size: number } {
    let used = 0;
    let size = 0;
    for (const { bytes, free } of this.#chunks.values()) {
      used += bytes.length - free * UNIT;
      size += bytes.length;
    }
    return { used, size };
  }

  /** A block of `bytes`, of any content. */
  take(bytes: number): Uint8Array {
    const block = this.#last?.take(bytes);
    if (block !== undefined) return block;
    for (const chunk of this.#chunks.values()) {
      const found = chunk.take(bytes);
      if (found === undefined) continue;
      this.#last = chunk;
      return found;
    }
    const chunk = this.#last = new Chunk(this.#options.make());
    this.#chunks.set(chunk.bytes.buffer, chunk);
    return chunk.take(bytes)!;
  }

  /** Takes a block back, of which no view may be used any more; `false` where it is not from here. */
  give(block: Uint8Array): boolean {
    const chunk = this.#chunks.get(block.buffer);
    if (chunk === undefined) return false;
    chunk.give(block);
    if (chunk.empty) this.#options.rest?.(chunk.bytes);
    return true;
  }
}
