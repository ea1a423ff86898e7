/**
 * Pieces of HTTP bodies for the readers of a channel.
 *
 * @module
 */

import type { BodyWriter, MessagePlace } from "../../protocol/body_writer.ts";
import { payloadStart, recordEnd } from "../../protocol/record.ts";

/** Where a reader is in a run of records. */
export interface RunPlace {
  readonly records: Uint8Array;
  /** Where the next message begins in it. */
  readonly at: number;
  readonly epoch: string;
  /** Number of that message. */
  readonly seq: number;
}

/** Some messages, as they go to the socket. */
export interface Piece {
  /** Valid until the next piece is made, or longer after {@linkcode BodyFrames.keep}; empty where there is nothing to say. */
  readonly bytes: Uint8Array;
  /** Where the next message begins in the records. */
  readonly at: number;
  /** Number of that message. */
  readonly seq: number;
  /** Whether the message there cannot be written: the body must end. */
  readonly stuck: boolean;
}

/** A piece is full at this many bytes, unless one message is larger: so much memory may each slow reader take. */
const PIECE_BYTES = 64 * 1024;
/** Room for the line with the length of a chunk: eight hexadecimal digits and a line end (RFC 9112 §7.1). */
const CHUNK_HEAD = 10;
const CHUNK_TAIL = 2;
const CR = 0x0d;
const LF = 0x0a;
const HEX = new TextEncoder().encode("0123456789abcdef");
const NOTHING = new Uint8Array(0);

/**
 * Makes pieces of runs of records in one format, each a whole chunk of a chunked body, in memory that is used again. Readers
 * at the same place of a log are handed the piece that was made for the first of them.
 */
export class BodyFrames {
  readonly #writer: BodyWriter;
  readonly #chunked: boolean;
  #scratch = NOTHING;
  #place: RunPlace | undefined;
  #piece: Piece = { bytes: NOTHING, at: 0, seq: 0, stuck: false };

  /** `chunked` is false for clients of HTTP/1.0, which know no chunks. */
  constructor(writer: BodyWriter, { chunked }: { chunked: boolean }) {
    this.#writer = writer;
    this.#chunked = chunked;
  }

  /** The piece that begins at `place`. */
  piece(place: RunPlace): Piece {
    const last = this.#place;
    if (last?.records === place.records && last.at === place.at && last.seq === place.seq) {
      return this.#piece;
    }
    this.#piece = this.#make(place);
    this.#place = place;
    return this.#piece;
  }

  /** Someone still reads the last piece: its memory is not used again. */
  keep(): void {
    if (this.#piece.bytes.buffer === this.#scratch.buffer) this.#scratch = NOTHING;
  }

  #make({ records, at, epoch, seq }: RunPlace): Piece {
    let target = this.#room(0, this.#writer.room(recordEnd(records, at) - at));
    let out = CHUNK_HEAD;
    let stuck = false;
    const place: MessagePlace = { records, start: 0, end: 0, epoch, seq };
    while (at < records.length) {
      place.start = payloadStart(records, at);
      const end = place.end = recordEnd(records, at);
      const room = this.#writer.room(end - place.start);
      if (target.length - out - CHUNK_TAIL < room) {
        if (out > CHUNK_HEAD) break;
        target = this.#room(out, room); // those before were left out, and this one is larger
      }
      const written = this.#writer.write(target, out, place);
      stuck = written === undefined;
      if (written === undefined) break;
      out = written;
      at = end;
      place.seq++;
    }
    return { bytes: this.#framed(target, out), at, seq: place.seq, stuck };
  }

  #framed(target: Uint8Array, out: number): Uint8Array {
    const length = out - CHUNK_HEAD;
    if (length === 0) return NOTHING; // a chunk of none would end the body
    if (!this.#chunked) return target.subarray(CHUNK_HEAD, out);
    target[out++] = CR;
    target[out++] = LF;
    return target.subarray(writeChunkHead(target, length), out);
  }

  #room(used: number, more: number): Uint8Array {
    const size = Math.max(PIECE_BYTES, used + CHUNK_HEAD + more + CHUNK_TAIL);
    if (size <= this.#scratch.length) return this.#scratch;
    const room = new Uint8Array(size);
    if (size === PIECE_BYTES) this.#scratch = room;
    return room;
  }
}

/** Some bytes of our own, as they go to the socket. */
export function asChunk(bytes: Uint8Array, { chunked }: { chunked: boolean }): Uint8Array {
  if (!chunked || bytes.length === 0) return bytes;
  const chunk = new Uint8Array(CHUNK_HEAD + bytes.length + CHUNK_TAIL);
  chunk.set(bytes, CHUNK_HEAD);
  chunk.set([CR, LF], CHUNK_HEAD + bytes.length);
  return chunk.subarray(writeChunkHead(chunk, bytes.length));
}

/** Writes the length of a chunk right before its bytes; returns where that line begins. */
function writeChunkHead(target: Uint8Array, length: number): number {
  let at = CHUNK_HEAD;
  target[--at] = LF;
  target[--at] = CR;
  do {
    target[--at] = HEX[length & 15];
    length >>>= 4;
  } while (length > 0);
  return at;
}
