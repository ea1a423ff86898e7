/**
 * Blocks of memory that are used again. A busy log forgets as fast as it learns; left to the garbage collector, the
 * process would grow by what is forgotten between two collections, and each fresh page costs a page fault (measured:
 * a quarter of the CPU time of 4 KiB messages).
 *
 * @module
 */

/** The size of block worth keeping, bytes. Smaller ones belong to small streams, which rarely forget. */
export const BLOCK_BYTES = 256 * 1024;
/** Blocks kept at most (8 MiB, the default bound of one channel); others are freed at once. */
const MAX_KEPT = 32;

const kept: Uint8Array<ArrayBuffer>[] = [];

/** A block of `capacity` bytes of any content. */
export function takeBlock(capacity: number): Uint8Array<ArrayBuffer> {
  return (capacity === BLOCK_BYTES ? kept.pop() : undefined) ?? new Uint8Array(capacity);
}

/** Takes a block back; no view of it may be used any more. */
export function giveBlock(block: Uint8Array<ArrayBuffer>): void {
  if (block.length === BLOCK_BYTES && kept.length < MAX_KEPT) kept.push(block);
  else block.buffer.transfer(0);
}
