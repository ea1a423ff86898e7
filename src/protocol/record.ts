/**
 * Records: how a run of messages lies in memory. A record is a length header and an opaque payload;
 * the header is byte for byte that of an unmasked final RFC 6455 §5.2 text frame. So what the log
 * stores is what a plain WebSocket reader is sent, without a copy for each reader, while any other
 * surface walks the payloads by their lengths.
 *
 * @module
 */

/** FIN and the text opcode: the first byte of every record. */
export const RECORD_MARK = 0x81;

/** Bytes of the header of a payload of `length` bytes: 2, 4 or 10. */
export function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65536 ? 4 : 10;
}

/**
 * Writes the header for a payload of `length` bytes at `offset`; returns where the payload begins. `mark` is its first
 * byte: another one makes the header of another kind of server frame.
 */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  length: number,
  mark: number = RECORD_MARK,
): number {
  target[offset] = mark;
  if (length < 126) {
    target[offset + 1] = length;
    return offset + 2;
  }
  if (length < 65536) {
    target[offset + 1] = 126;
    target[offset + 2] = length >>> 8;
    target[offset + 3] = length;
    return offset + 4;
  }
  target[offset + 1] = 127;
  const view = new DataView(target.buffer, target.byteOffset + offset + 2, 8);
  view.setBigUint64(0, BigInt(length));
  return offset + 10;
}

/** Where the payload of the record at `offset` begins. */
export function payloadStart(records: Uint8Array, offset: number): number {
  const short = records[offset + 1];
  return offset + (short < 126 ? 2 : short === 126 ? 4 : 10);
}

/** Where the record at `offset` ends and the next one begins. */
export function recordEnd(records: Uint8Array, offset: number): number {
  const short = records[offset + 1];
  if (short < 126) return offset + 2 + short;
  if (short === 126) return offset + 4 + (records[offset + 2] << 8 | records[offset + 3]);
  const view = new DataView(records.buffer, records.byteOffset + offset + 2, 8);
  return offset + 10 + Number(view.getBigUint64(0));
}

/** The offset `count` records after `offset`. */
export function skipRecords(records: Uint8Array, offset: number, count: number): number {
  for (; count > 0; count--) offset = recordEnd(records, offset);
  return offset;
}

/**
 * The records at the beginning of a run that lie within `bytes` bytes, `most` of them at most (default: all): their number, and
 * where the last of them ends.
 */
export function recordsWithin(
  records: Uint8Array,
  { bytes, most = Infinity }: { readonly bytes: number; readonly most?: number },
): { readonly count: number; readonly end: number } {
  let count = 0;
  let end = 0;
  while (end < records.length && count < most) {
    const next = recordEnd(records, end);
    if (next > bytes) break;
    end = next;
    count++;
  }
  return { count, end };
}

/** One payload as a record. */
export function encodeRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(headerSize(payload.length) + payload.length);
  record.set(payload, writeHeader(record, 0, payload.length));
  return record;
}

/**
 * The payloads of a run of whole records, as views.
 *
 * @example
 * ```ts
 * import { encodeRecord, payloads } from "./record.ts";
 * import assert from "node:assert/strict";
 *
 * const run = encodeRecord(new TextEncoder().encode("one"));
 * assert.deepEqual([...payloads(run)].map((p) => new TextDecoder().decode(p)), ["one"]);
 * ```
 */
export function* payloads(records: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < records.length;) {
    const end = recordEnd(records, offset);
    yield records.subarray(payloadStart(records, offset), end);
    offset = end;
  }
}
