/**
 * Messages as NDJSON, in the body of an HTTP answer.
 *
 * @module
 */

import type { BodyWriter, MessagePlace } from "./body_writer.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Writes messages as lines. A newline inside a message, which in JSON is white space, becomes a space. */
export class NdjsonWriter implements BodyWriter {
  room(length: number): number {
    return length + 1;
  }

  write(target: Uint8Array, offset: number, { records, start, end }: MessagePlace): number {
    const payload = records.subarray(start, end);
    target.set(payload, offset);
    const out = offset + payload.length;
    const written = target.subarray(offset, out);
    for (let at = written.indexOf(NEWLINE); at >= 0; at = written.indexOf(NEWLINE, at + 1)) {
      written[at] = SPACE;
    }
    target[out] = NEWLINE;
    return out + 1;
  }
}
