/**
 * Blocks of memory that are used again. A busy log forgets as fast as it learns; left to the garbage collector, the
 * process would grow by what is forgotten between two collections, and each fresh page costs a page fault (measured:
 * a quarter of the CPU time of 4 KiB messages).
 *
 * @module
 */

import { adviseUnused } from "../system/memory.ts";
import { Arena } from "./arena.ts";

/** The size of block worth keeping, bytes. Smaller ones belong to small streams, which rarely forget. */
export const BLOCK_BYTES = 256 * 1024;
/** Blocks kept at most (8 MiB, the default bound of one channel); others are freed at once. */
const MAX_KEPT = 32;

/**
 * Blocks up to this size come out of shared memory, which the collector does not count: as a thousand streams of tokens grow by
 * megabytes a second, it would look through all that is alive every two seconds, for which every stream stands still
 * (docs/performance.md, "What was done for it"). Larger ones do not: copying into shared memory takes six times as long.
 */
const SMALL_BYTES = 32 * 1024;

/** Where the small ones come from; `undefined` where the collector's own memory is as good. */
export const smallBlocks = adviseUnused === undefined ? undefined : new Arena({
  make: () => new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES)),
  rest: adviseUnused,
});

const kept: Uint8Array[] = [];

/** A block of `capacity` bytes, of any content. */
export function takeBlock(capacity: number): Uint8Array {
  if (capacity <= SMALL_BYTES && smallBlocks !== undefined) return smallBlocks.take(capacity);
  return (capacity === BLOCK_BYTES ? kept.pop() : undefined) ?? new Uint8Array(capacity);
}

/** Takes a block back; no view of it may be used any more. */
export function giveBlock(block: Uint8Array): void {
  if (block.length === BLOCK_BYTES && kept.length < MAX_KEPT) kept.push(block);
  else if (smallBlocks?.give(block) !== true) (block.buffer as ArrayBuffer).transfer(0);
}
