/**
 * Memory for what is sent at once.
 *
 * @module
 */

import { Buffer } from "node:buffer";

let scratch = Buffer.alloc(0);

/** Memory of `size` bytes for a message that is sent before the next one is made; those of a load are of one size. */
export function scratchOf(size: number): Buffer {
  if (scratch.length !== size) scratch = Buffer.alloc(size);
  return scratch;
}
