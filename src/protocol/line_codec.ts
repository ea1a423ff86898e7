/**
 * Between the two forms of a run of messages: lines (NDJSON), as the resumable protocol carries them, and records, as the
 * log keeps them and plain readers are sent them. Each batch is converted once, whatever the number of its readers.
 *
 * @module
 */

import { headerSize, payloadStart, recordEnd, writeHeader } from "./record.ts";
import { Views } from "./views.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
/** Up to this many bytes a loop is cheaper than a call. */
const SHORT = 128;
/** Scratch memory above this size is not kept, bytes. */
const WORTH_KEEPING = 1024 * 1024;

/** A run of records, see `record.ts`. */
export interface RecordRun {
  /** The records; valid until the next conversion. */
  readonly records: Uint8Array;
  readonly count: number;
  /** Where the last record begins. */
  readonly last: number;
}

/** Records that were lines. */
export interface ConvertedRun extends RecordRun {
  /** Bytes of the longest message. */
  readonly longest: number;
}

/**
 * Lines → records.
 *
 * @example
 * ```ts
 * import { LinesToRecords } from "./line_codec.ts";
 * import assert from "node:assert/strict";
 *
 * const { records, count } = new LinesToRecords().convert(new TextEncoder().encode("{}\n[]\n"));
 * assert.deepEqual([count, ...records], [2, 0x81, 2, 0x7b, 0x7d, 0x81, 2, 0x5b, 0x5d]);
 * ```
 */
export class LinesToRecords {
  #scratch = new Views(new Uint8Array(64 * 1024));
  readonly #run = { records: this.#scratch.to(0), count: 0, last: 0, longest: 0 };

  /**
   * Converts whole lines, from `from` on (default 0); the last byte of `lines` must be a newline. What is returned holds until
   * the next conversion.
   */
  convert(lines: Uint8Array, from = 0): ConvertedRun {
    const room = this.#room(lines.length - from);
    const target = room.bytes;
    let count = 0;
    let last = 0;
    let longest = 0;
    let out = 0;
    for (let at = from; at < lines.length; count++) {
      const end = lines.indexOf(NEWLINE, at);
      last = out;
      if (end - at > longest) longest = end - at;
      out = writeHeader(target, out, end - at);
      if (end - at <= SHORT) {
        while (at < end) target[out++] = lines[at++];
      } else {
        target.set(lines.subarray(at, end), out);
        out += end - at;
      }
      at = end + 1;
    }
    const run = this.#run;
    run.records = room.to(out);
    run.count = count;
    run.last = last;
    run.longest = longest;
    return run;
  }

  /** Memory for the records of `size` bytes of lines: an empty line, one byte, is the one that grows most, to two. */
  #room(size: number): Views {
    if (this.#scratch.bytes.length >= 2 * size) return this.#scratch;
    const room = new Views(new Uint8Array(2 * size + headerSize(size)));
    if (room.bytes.length <= WORTH_KEEPING) this.#scratch = room;
    return room;
  }
}

/**
 * Records → lines, written to `target` from `offset` on; returns where they end, at most `records.length` further on.
 * A newline inside a message, which in JSON is white space, becomes a space.
 */
export function writeLines(records: Uint8Array, target: Uint8Array, offset: number): number {
  let out = offset;
  for (let at = 0; at < records.length;) {
    const end = recordEnd(records, at);
    at = payloadStart(records, at);
    if (end - at <= SHORT) {
      while (at < end) {
        const byte = records[at++];
        target[out++] = byte === NEWLINE ? SPACE : byte;
      }
    } else {
      const payload = records.subarray(at, end);
      target.set(payload, out);
      if (payload.indexOf(NEWLINE) >= 0) {
        replaceNewlines(target.subarray(out, out + payload.length));
      }
      out += payload.length;
      at = end;
    }
    target[out++] = NEWLINE;
  }
  return out;
}

function replaceNewlines(bytes: Uint8Array): void {
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
    bytes[at] = SPACE;
  }
}
