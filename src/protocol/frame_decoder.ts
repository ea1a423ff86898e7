/**
 * The server's side of RFC 6455 §5: bytes from a client in, messages and control frames out.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isCloseCode, MAX_CONTROL_BYTES, OPCODE } from "./frame.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { encodeRecord, writeHeader } from "./record.ts";
import { unmask } from "./unmask.ts";
import { isUtf8 } from "./utf8.ts";
import { Views } from "./views.ts";

/** What a {@linkcode FrameDecoder} calls, in the order of the wire. All views are valid only during the call. */
export interface FrameSink {
  /** `count` text messages as a run of records (see `record.ts`), the last of which begins at `last`. */
  texts(records: Uint8Array, count: number, last: number): void;
  /** One binary message; `ascii` says that every byte of it is known to be below 0x80. */
  binary(payload: Uint8Array, ascii: boolean): void;
  /** A ping; the peer awaits a pong with the same payload. */
  ping(payload: Uint8Array): void;
  /** A pong. */
  pong(payload: Uint8Array): void;
  /** A close frame; `code` is 1005 where it held none. Nothing follows. */
  goodbye(code: number, reason: string): void;
}

/** The first byte of a text message in one frame. */
const FINAL_TEXT = 0x80 | OPCODE.text;

/** Memory of just this size is what is read into again and again. */
const READ_BYTES = 256 * 1024;

/** The longest frame header a client sends: 2 bytes, 8 of length, 4 of mask. */
const MAX_HEADER = 14;

/**
 * Decodes what one client sends, fed in any slices. Complete text messages that lie in one slice are
 * unmasked in place and handed on as one run of records, so the cost of a message is that of its bytes.
 *
 * Sizes are checked before anything is buffered; an unfinished message is held in memory that grows with
 * what has arrived, never with what was announced.
 *
 * @example
 * ```ts
 * import { FrameDecoder } from "./frame_decoder.ts";
 * import assert from "node:assert/strict";
 *
 * let seen = 0;
 * const ignore = () => {};
 * const decoder = new FrameDecoder({
 *   texts: (_records, count) => seen += count,
 *   binary: ignore, ping: ignore, pong: ignore, goodbye: ignore,
 * });
 * decoder.feed(Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69));
 * assert.equal(seen, 1);
 * ```
 */
export class FrameDecoder {
  /** Largest message in payload bytes (default 10 MiB); a larger one throws `too_big`. May change between messages. */
  maxMessageBytes: number;
  /** Hand on each text message by itself, so that the sink may decide after one (default false). */
  single = false;

  readonly #sink: FrameSink;
  /** The bytes of a frame that is not complete yet, header included. */
  #partial: GrowingBytes | undefined;
  /** The unmasked payload of a fragmented message so far. */
  #message: GrowingBytes | undefined;
  #messageOpcode = 0;
  #closed = false;
  /** Whether nothing is decoded: until {@linkcode release}, or, once `#closed`, never again. */
  #stopped = false;

  constructor(sink: FrameSink, maxMessageBytes = 10 * 1024 * 1024) {
    this.#sink = sink;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** Bytes held for a message that is not complete. */
  get bufferedBytes(): number {
    return (this.#partial?.length ?? 0) + (this.#message?.length ?? 0);
  }

  /**
   * Takes the next bytes of the connection. `chunk` is written over.
   *
   * @throws {RelayError} `bad_frame`, `bad_text` or `too_big`, after the messages before the fault were handed
   * on; the decoder is of no further use then.
   */
  feed(chunk: Uint8Array): void {
    let start = 0;
    if (this.#stopped && this.#partial !== undefined) return this.#partial.push(chunk);
    if (this.#partial !== undefined) {
      start = this.#complete(this.#partial, chunk);
      if (this.#partial !== undefined) return;
    }
    const rest = this.#scan(chunk, start);
    if (rest < chunk.length && !this.#closed) {
      this.#partial = new GrowingBytes(chunk.subarray(rest));
    }
  }

  /**
   * Looks at nothing that follows the message being handed on, until {@linkcode release}. It is kept, so the caller had better
   * read no more meanwhile. A run of messages is handed on whole: for a stop after one there is `single`.
   */
  hold(): void {
    this.#stopped = true;
  }

  /** Goes on with what was kept. @throws {RelayError} as {@linkcode feed} does. */
  release(): void {
    this.#stopped = this.#closed;
    const kept = this.#partial;
    this.#partial = undefined;
    if (kept !== undefined && !this.#closed) this.feed(kept.view());
  }

  /** Moves bytes of `chunk` to the unfinished frame; returns how many. Clears `#partial` when it was completed. */
  #complete(partial: GrowingBytes, chunk: Uint8Array): number {
    let used = 0;
    for (;;) {
      const size = this.#frameSize(partial.bytes, 0, partial.length);
      const wanted = (size < 0 ? -size : size) - partial.length;
      const take = Math.min(wanted, chunk.length - used);
      partial.push(chunk.subarray(used, used + take));
      used += take;
      if (take < wanted) return used;
      if (size >= 0) break;
    }
    this.#partial = undefined;
    this.#scan(partial.view(), 0);
    return used;
  }

  /** The size of the frame at `i`, or, negative, how many bytes it takes to know. Checks the header it sees. */
  #frameSize(bytes: Uint8Array, i: number, end: number): number {
    if (end - i < 2) return -2;
    if (bytes[i] !== FINAL_TEXT || this.#message !== undefined) this.#checkFirst(bytes[i]);
    if (bytes[i + 1] < 0x80) throw new RelayError("bad_frame", "client frame is not masked");
    const short = bytes[i + 1] & 0x7f;
    const header = short < 126 ? 6 : short === 126 ? 8 : MAX_HEADER;
    // the length is judged as soon as it is there, before one byte of the payload is kept
    if (end - i < header - 4) return 4 - header;
    const length = payloadLength(bytes, i, short);
    if ((bytes[i] & 0x08) !== 0) {
      if (length > MAX_CONTROL_BYTES || (bytes[i] & 0x80) === 0) {
        throw new RelayError("bad_frame", "control frame is fragmented or longer than 125 bytes");
      }
    } else if (length + (this.#message?.length ?? 0) > this.maxMessageBytes) {
      throw new RelayError("too_big", `message larger than ${this.maxMessageBytes} bytes`);
    }
    return header + length;
  }

  /** Judges the first byte of a frame, before anything of its payload is kept. */
  #checkFirst(first: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new RelayError("bad_frame", "reserved bits are set");
    if (opcode > OPCODE.pong || opcode > OPCODE.binary && opcode < OPCODE.close) {
      throw new RelayError("bad_frame", "unknown opcode");
    }
    if (opcode >= OPCODE.close) return;
    if (opcode === OPCODE.continuation && this.#message === undefined) {
      throw new RelayError("bad_frame", "continuation frame without a message to continue");
    }
    if (opcode !== OPCODE.continuation && this.#message !== undefined) {
      throw new RelayError("bad_frame", "new message before the last one was complete");
    }
  }

  /** Handles every complete frame of `bytes` from `i` on; returns where the first incomplete one begins. */
  #scan(bytes: Uint8Array, i: number): number {
    const end = bytes.length;
    const words = wordsOf(bytes);
    let run = i; // where the current run of records begins
    let out = i; // where its next record goes: never above `i`, and below it by a multiple of 4
    let last = i; // where the newest record in it begins
    let count = 0;
    try {
      while (i < end && !this.#stopped) {
        const size = this.#frameSize(bytes, i, end);
        if (size < 0 || size > end - i) break;
        const first = bytes[i];
        const short = bytes[i + 1] & 0x7f;
        const body = i + (short < 126 ? 6 : short === 126 ? 8 : MAX_HEADER);
        const length = i + size - body;
        const mask = bytes[body - 4] | bytes[body - 3] << 8 | bytes[body - 2] << 16 |
          bytes[body - 1] << 24;
        if (first === FINAL_TEXT) {
          const to = writeHeader(bytes, out, length);
          const any = unmask(bytes, words, body, to, length, mask);
          if (any >= 0x80 && !isUtf8(bytes, to, to + length)) throw new RelayError("bad_text");
          last = out;
          out = to + length;
          i += size;
          count++;
          if (!this.single) continue;
        }
        if (count > 0) {
          const records = recordsIn(bytes, run, out);
          const messages = count;
          count = 0;
          this.#sink.texts(records, messages, last - run);
        }
        if (i < body) { // not the text message above
          const any = unmask(bytes, words, body, body, length, mask);
          this.#other(first, payloadIn(bytes, i, body, body + length), any < 0x80);
          i += size;
        }
        run = out = i;
      }
    } catch (error) {
      this.#closed = this.#stopped = true;
      if (count > 0) this.#sink.texts(bytes.subarray(run, out), count, last - run);
      throw error;
    }
    if (count > 0) this.#sink.texts(recordsIn(bytes, run, out), count, last - run);
    return i;
  }

  /** A frame that is not a whole text message by itself. */
  #other(first: number, payload: Uint8Array, ascii: boolean): void {
    const final = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    if (opcode >= OPCODE.close) return this.#control(opcode, payload);
    if (this.#message !== undefined) {
      this.#message.push(payload);
    } else {
      if (final) return this.#sink.binary(payload, ascii);
      this.#messageOpcode = opcode;
      this.#message = new GrowingBytes(payload);
    }
    if (!final) return;
    const message = this.#message.view();
    this.#message = undefined;
    if (this.#messageOpcode === OPCODE.binary) return this.#sink.binary(message, false);
    if (!isUtf8(message, 0, message.length)) throw new RelayError("bad_text");
    this.#sink.texts(encodeRecord(message), 1, 0);
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE.ping) return this.#sink.ping(payload);
    if (opcode === OPCODE.pong) return this.#sink.pong(payload);
    this.#closed = this.#stopped = true;
    if (payload.length === 0) return this.#sink.goodbye(1005, "");
    const code = payload[0] << 8 | payload[1];
    if (payload.length === 1 || !isCloseCode(code)) {
      throw new RelayError("bad_frame", "close frame with an invalid code");
    }
    if (!isUtf8(payload, 2, payload.length)) throw new RelayError("bad_text");
    this.#sink.goodbye(code, new TextDecoder().decode(payload.subarray(2)));
  }
}

/** What is made of the memory that all sockets are read into, one after the other. */
class Readings {
  /** As `unmask` wants it. */
  readonly words: Int32Array;
  /** Records at its beginning. */
  readonly records: Views<Uint8Array>;
  /** Payload of a frame at its beginning. */
  readonly payload: Views<Uint8Array>;

  constructor({ buffer }: Uint8Array) {
    const bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    this.records = new Views(bytes);
    this.payload = new Views(bytes, (end) => end - 6 < 126 ? 6 : 8);
  }
}

let readings = new Readings(new Uint8Array(0));

/** The memory of `bytes` as `unmask` wants it. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const { buffer } = bytes;
  if (buffer === readings.words.buffer) return readings.words;
  if (buffer.byteLength !== READ_BYTES) return new Int32Array(buffer, 0, buffer.byteLength >> 2);
  readings = new Readings(bytes);
  return readings.words;
}

/** The records between `from` and `to`. */
function recordsIn(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return from === 0 && isRead(bytes) ? readings.records.to(to) : bytes.subarray(from, to);
}

/** The payload between `from` and `to` of the frame that begins at `frame`. */
function payloadIn(bytes: Uint8Array, frame: number, from: number, to: number): Uint8Array {
  const kept = frame === 0 && from < MAX_HEADER && isRead(bytes);
  return kept ? readings.payload.to(to) : bytes.subarray(from, to);
}

function isRead(bytes: Uint8Array): boolean {
  return bytes.buffer === readings.words.buffer && bytes.byteOffset === 0;
}

/** The payload length in the header at `i`, of which `short` is the 7-bit part. */
function payloadLength(bytes: Uint8Array, i: number, short: number): number {
  if (short < 126) return short;
  const length = short === 126 ? bytes[i + 2] << 8 | bytes[i + 3] : longLength(bytes, i + 2);
  // RFC 6455 §5.2: the shortest form only; other forms would also break the distance `unmask` relies on
  if (length < (short === 126 ? 126 : 65536)) {
    throw new RelayError("bad_frame", "frame length is not in its shortest form");
  }
  return length;
}

function longLength(bytes: Uint8Array, at: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0));
}
