/**
 * Data of the resumable protocol: a binary message with the 64-bit number of its first message, big-endian, and then the
 * messages as NDJSON, each line ended by `\n` (`docs/protocol.md`, version 2).
 *
 * @module
 */

import { fault } from "./fault.ts";

/** Bytes in front of the lines. */
export const SEQ_BYTES = 8;

/** Lines that every relay takes in one frame, bytes, however small its bound of a message is. */
export const LINES_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** What a data frame holds. */
export interface DataFrame {
  /** Number of the first message. */
  readonly seq: number;
  /** The messages, whole lines; a view. */
  readonly lines: Uint8Array;
}

/** The largest data frame where a message may have `maxMessageBytes`: one such message, or many that are smaller. */
export function maxFrameBytes(maxMessageBytes: number): number {
  return SEQ_BYTES + Math.max(LINES_BYTES, maxMessageBytes + 1);
}

/** Writes `seq` at `offset`. */
export function writeSeq(target: Uint8Array, offset: number, seq: number): void {
  const high = Math.floor(seq / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    target[offset + i] = high >>> 24 - 8 * i;
    target[offset + 4 + i] = seq >>> 24 - 8 * i;
  }
}

/** Number of lines in `lines`. */
export function countLines(lines: Uint8Array): number {
  let count = 0;
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The offset of the line `count` lines after the first one. */
export function skipLines(lines: Uint8Array, count: number): number {
  let offset = 0;
  for (; count > 0; count--) offset = lines.indexOf(NEWLINE, offset) + 1;
  return offset;
}

/**
 * Takes a data frame apart.
 *
 * @throws {RelayError} `protocol` where there is no number, no line, or the last line has no end.
 *
 * @example
 * ```ts
 * import { decodeDataFrame } from "./data_frame.ts";
 * import assert from "node:assert/strict";
 *
 * const frame = decodeDataFrame(new TextEncoder().encode("\0\0\0\0\0\0\0\x07{}\n"));
 * assert.deepEqual([frame.seq, new TextDecoder().decode(frame.lines)], [7, "{}\n"]);
 * ```
 */
export function decodeDataFrame(payload: Uint8Array): DataFrame {
  return { seq: seqOf(payload), lines: payload.subarray(SEQ_BYTES) };
}

/**
 * Number of the first message of a data frame, of which the lines follow after {@linkcode SEQ_BYTES}.
 *
 * @throws {RelayError} as {@linkcode decodeDataFrame} does.
 */
export function seqOf(payload: Uint8Array): number {
  if (payload.length <= SEQ_BYTES) throw fault("data frame without a line");
  if (payload[payload.length - 1] !== NEWLINE) {
    throw fault("data frame without a newline at its end");
  }
  const high = readUint32(payload, 0);
  if (high >= 2 ** 21) throw fault("number of the data frame is beyond 2^53");
  return high * 2 ** 32 + readUint32(payload, 4);
}

/** Big-endian; without the view that would be one object more for each message. */
function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}
