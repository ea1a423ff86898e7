/**
 * Frames that a producer may send although it has sent too much.
 *
 * @module
 */

import { MAX_CONTROL_MESSAGE_BYTES } from "../../protocol/control.ts";
import { OPCODE } from "../../protocol/frame.ts";

/**
 * Size of the frame that begins `bytes`, where it holds none of the stream: a ping, a pong, a goodbye, and with `texts`, where
 * data are binary, a control message. 0 for any other; where too little has come to tell, more than that.
 *
 * @example
 * ```ts
 * import { freeFrame } from "./free_frame.ts";
 * import assert from "node:assert/strict";
 *
 * const [ping, text] = [Uint8Array.of(0x89, 0x80, 1, 2, 3, 4), Uint8Array.of(0x81, 0x80, 1, 2, 3, 4)];
 * assert.deepEqual([ping, text].map((frame) => freeFrame(frame, { texts: false })), [6, 0]);
 * ```
 */
export function freeFrame(bytes: Uint8Array, { texts }: { texts: boolean }): number {
  const opcode = bytes[0] & 0x0f;
  if (opcode < OPCODE.close && !(texts && opcode === OPCODE.text)) return 0;
  if (bytes.length < 2) return 2;
  const short = bytes[1] & 0x7f;
  if (short < 126) return SHORT_HEADER + short;
  if (short > 126) return 0;
  if (bytes.length < 4) return 4;
  const length = bytes[2] << 8 | bytes[3];
  return length > MAX_CONTROL_MESSAGE_BYTES ? 0 : LONG_HEADER + length;
}

/** Bytes before the payload of a client's frame, its mask included, with a length of 7 and of 16 bits. */
const SHORT_HEADER = 6;
const LONG_HEADER = 8;
