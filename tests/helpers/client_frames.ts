/**
 * Frames as a client sends them, good and bad, and what a decoder makes of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ErrorCode, RelayError } from "../../src/errors.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { FrameDecoder, type FrameSink } from "../../src/protocol/frame_decoder.ts";
import { encodeRecord, payloads, recordEnd } from "../../src/protocol/record.ts";

/** Options of {@linkcode clientFrame}. */
export interface ClientFrameOptions {
  /** Opcode (default text). */
  opcode?: number;
  /** Whether the FIN bit is set (default true). */
  fin?: boolean;
  /** The three reserved bits, 0 to 7 (default 0). */
  rsv?: number;
  /** Masking key, 4 bytes (default {@linkcode MASK}); `null` sends the payload unmasked. */
  mask?: Uint8Array | null;
  /** The length in the header (default that of the payload). */
  announced?: number | bigint;
  /** Bytes of the length field: 1, 3 or 9 (default the shortest form). */
  lengthForm?: 1 | 3 | 9;
}

/** The masking key of the examples in RFC 6455 §5.7. */
export const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A frame of a client, RFC 6455 §5.2. */
export function clientFrame(
  payload: Uint8Array | string = "",
  options: ClientFrameOptions = {},
): Uint8Array {
  const { opcode = OPCODE.text, fin = true, rsv = 0, mask = MASK } = options;
  const bytes = bytesOf(payload);
  const first = (fin ? 0x80 : 0) | rsv << 4 | opcode;
  const length = lengthField(BigInt(options.announced ?? bytes.length), options.lengthForm);
  if (mask === null) return concat(Uint8Array.of(first), length, bytes);
  length[0] |= 0x80;
  return concat(Uint8Array.of(first), length, mask, bytes.map((byte, i) => byte ^ mask[i & 3]));
}

function lengthField(length: bigint, form?: number): Uint8Array {
  form ??= length < 126n ? 1 : length < 65536n ? 3 : 9;
  const field = new Uint8Array(form);
  if (form === 1) return field.fill(Number(length));
  for (let i = form - 1, rest = length; i > 0; i--, rest >>= 8n) field[i] = Number(rest & 0xffn);
  field[0] = form === 3 ? 126 : 127;
  return field;
}

/** A message in one frame for each of `parts`. */
export function fragments(parts: (Uint8Array | string)[], opcode: number = OPCODE.text) {
  return parts.map((part, i) =>
    clientFrame(part, {
      opcode: i === 0 ? opcode : OPCODE.continuation,
      fin: i === parts.length - 1,
    })
  );
}

/** A close frame with any code and reason. */
export function clientClose(code: number, reason: Uint8Array | string = ""): Uint8Array {
  const payload = concat(Uint8Array.of(code >>> 8, code), bytesOf(reason));
  return clientFrame(payload, { opcode: OPCODE.close });
}

/** All of `pieces` in one array. */
export function concat(...pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Text as UTF-8; bytes as they are. */
export function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === "string" ? ENCODER.encode(payload) : payload;
}

/** Asserts that both are the same. `assert.deepEqual` takes minutes to tell how two large arrays differ. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, message: string): void {
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  assert.equal(actual.length, expected.length, `${message}: length`);
  assert.equal(at, -1, `${message}: byte ${at} is ${actual[at]}, not ${expected[at]}`);
}

/** `bytes` cut at the places in `cuts`, each piece in memory of its own at a different alignment. */
export function slicesAt(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)];
  return places.map((from, i) => {
    const piece = bytes.subarray(from, places[i + 1] ?? bytes.length);
    const memory = new Uint8Array(i % 4 + piece.length).subarray(i % 4);
    memory.set(piece);
    return memory;
  });
}

/** `bytes` whole, byte by byte, and cut in two at every place. */
export function* slicings(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield slicesAt(bytes, []);
  yield slicesAt(bytes, Array.from(bytes.keys()).slice(1));
  for (let cut = 1; cut < bytes.length; cut++) yield slicesAt(bytes, [cut]);
}

/** What a decoder called: text as text, other payloads in hex. */
export type Decoded =
  | ["text", string]
  | ["binary" | "ping" | "pong", string]
  | ["goodbye", number, string];

/** A sink that writes down what it is called with, and checks that each run of records is one, byte for byte. */
export class RecordingSink implements FrameSink {
  readonly events: Decoded[] = [];
  /** How many messages each call of `texts` had. */
  readonly counts: number[] = [];

  texts(records: Uint8Array, count: number, last: number): void {
    const messages = [...payloads(records)];
    assertSameBytes(records, concat(...messages.map(encodeRecord)), "not as records are");
    assert.equal(count, messages.length, "not the number of messages");
    assert.equal(recordEnd(records, last), records.length, "not the place of the last record");
    this.counts.push(count);
    for (const message of messages) this.events.push(["text", DECODER.decode(message)]);
  }

  binary(payload: Uint8Array): void {
    this.events.push(["binary", payload.toHex()]);
  }

  ping(payload: Uint8Array): void {
    this.events.push(["ping", payload.toHex()]);
  }

  pong(payload: Uint8Array): void {
    this.events.push(["pong", payload.toHex()]);
  }

  goodbye(code: number, reason: string): void {
    this.events.push(["goodbye", code, reason]);
  }
}

/** What came of some slices. */
export interface Outcome {
  readonly events: Decoded[];
  /** How many messages each batch had. */
  readonly counts: number[];
  /** The code of the fault, if there was one. */
  readonly fault: ErrorCode | undefined;
  /** What the fault was, for a log. */
  readonly detail: string | undefined;
}

/** Feeds `slices`, which are written over, to a decoder up to the first fault. */
export function decode(slices: Uint8Array[], maxMessageBytes?: number): Outcome {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink, maxMessageBytes);
  let fault: RelayError | undefined;
  try {
    for (const slice of slices) {
      decoder.feed(slice);
      slice.fill(0xaa); // it is the caller's again
    }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    fault = error;
  }
  return { events: sink.events, counts: sink.counts, fault: fault?.code, detail: fault?.message };
}
