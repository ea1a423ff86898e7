/**
 * What the kernel is told of memory.
 *
 * @module
 */

import { libc } from "./libc.ts";

const PAGE = 4096;
const MADV_DONTNEED = 4;

/**
 * Tells the kernel that what is in `bytes` will not be read: it takes the pages back, and gives empty ones when they are written
 * to. `undefined` where there is no such thing.
 */
export const adviseUnused: ((bytes: Uint8Array) => void) | undefined = libc && advise;

function advise(bytes: Uint8Array): void {
  const pointer = Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>);
  const from = Deno.UnsafePointer.value(pointer);
  // whole pages: what lies beside it is somebody else's
  const skipped = (PAGE - Number(BigInt(from) % BigInt(PAGE))) % PAGE;
  const length = Math.floor((bytes.length - skipped) / PAGE) * PAGE;
  if (length <= 0) return;
  const first = Deno.UnsafePointer.offset(pointer!, skipped);
  libc!.symbols.madvise(first, BigInt(length), MADV_DONTNEED);
}
