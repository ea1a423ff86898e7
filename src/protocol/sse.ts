/**
 * Server-sent events (WHATWG HTML §9.2): messages and what happens beside them as an event stream.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { BodyWriter, MessagePlace } from "./body_writer.ts";
import { messageType } from "./message_type.ts";
import { formatPosition, parsePosition, type Position } from "./position.ts";

const encoder = new TextEncoder();
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** Up to this many bytes a loop is cheaper than a call. */
const SHORT = 512;
/** The digits of 2^53. */
const MAX_DIGITS = 16;

const TOKEN = encoder.encode('{"type":"token"');
const TOKEN_EVENT = encoder.encode("event: token\n");
const ID = encoder.encode("id: ");
const DATA = encoder.encode("\ndata: ");
/** What may stand in an `event:` line of ours: any other type is left to the default, `message`. */
const EVENT_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/;

/**
 * Events of the relay itself: what `data` holds is the control message of that type in `docs/protocol.md`, version 2. A
 * producer's message of such a type is an event of the default type, so that it cannot pass for one of these.
 */
export type RelayEvent = "begin" | "restart" | "gap" | "producer" | "end";

const RESERVED: ReadonlySet<string> = new Set<RelayEvent>([
  "begin",
  "restart",
  "gap",
  "producer",
  "end",
]);

/** Room for the lines around the data: an event's name, an epoch of 64 characters and a number. */
const FRAME_BYTES = 160;

/** What stands in an id after the last event of a stream, behind the position: its reader has been told the end. */
const END_MARK = ":end";

/** A comment without text: it keeps proxies from closing an idle connection, and readers skip it. */
export const SSE_COMMENT: Uint8Array = encoder.encode(":\n\n");

/** How a stream begins: a first byte for proxies that wait for one, and how long to wait before a reconnect, ms. */
export function sseOpening(retryMs: number): Uint8Array {
  return encoder.encode(`: streamrelay\nretry: ${Math.round(retryMs)}\n\n`);
}

/** An event of the relay; `at` becomes its id. */
export function sseEvent(
  event: RelayEvent,
  data: Record<string, unknown>,
  at?: Position,
): Uint8Array {
  const mark = event === "end" ? END_MARK : "";
  const id = at === undefined ? "" : `id: ${formatPosition(at)}${mark}\n`;
  const text = JSON.stringify({ type: event, ...data }); // has no line ends
  return encoder.encode(`event: ${event}\n${id}data: ${text}\n\n`);
}

/** Where an event stream is to go on. */
export interface EventPlace {
  readonly position: Position;
  /** Whether its reader has been told the end of the run. */
  readonly told: boolean;
}

/**
 * Reads an id, as `Last-Event-ID` brings it back.
 *
 * @throws {RelayError} `bad_request` where it is none of ours.
 *
 * @example
 * ```ts
 * import { parseEventId } from "./sse.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseEventId("run-1:42"), { position: { epoch: "run-1", seq: 42 }, told: false });
 * assert.equal(parseEventId("run-1:42:end").told, true);
 * ```
 */
export function parseEventId(text: string): EventPlace {
  const told = text.endsWith(END_MARK);
  try {
    return { position: parsePosition(told ? text.slice(0, -END_MARK.length) : text), told };
  } catch (cause) {
    throw new RelayError("bad_request", "Last-Event-ID is not the id of an event", {
      cause,
      tellPeer: true,
    });
  }
}

/**
 * Writes messages as events: `event:` is the type, `id:` the position after the message, `data:` the message. Line ends in
 * it, which JSON has between its tokens only, become spaces.
 */
export class SseWriter implements BodyWriter {
  /** The epoch whose bytes are kept. */
  #epoch = "";
  #prefix: Uint8Array = ID;

  room(length: number): number {
    return length + FRAME_BYTES;
  }

  write(
    target: Uint8Array,
    offset: number,
    { records, start, end, epoch, seq }: MessagePlace,
  ): number {
    let out = this.#writeEvent(target, offset, records, start, end);
    out = put(target, out, this.#idPrefix(epoch));
    out = writeDigits(target, out, seq + 1);
    out = put(target, out, DATA);
    out = writeData(target, out, records, start, end);
    target[out++] = LF;
    target[out++] = LF;
    return out;
  }

  #writeEvent(target: Uint8Array, out: number, records: Uint8Array, start: number, end: number) {
    if (begins(records, start, end)) return put(target, out, TOKEN_EVENT);
    const type = messageType(records, start, end);
    if (type === undefined || RESERVED.has(type) || !EVENT_NAME.test(type)) return out;
    return out + encoder.encodeInto(`event: ${type}\n`, target.subarray(out)).written;
  }

  #idPrefix(epoch: string): Uint8Array {
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#prefix = encoder.encode(`id: ${epoch}:`);
    }
    return this.#prefix;
  }
}

/** Whether a message is a token as most producers write it. */
function begins(records: Uint8Array, start: number, end: number): boolean {
  if (end - start < TOKEN.length) return false;
  for (let i = 0; i < TOKEN.length; i++) if (records[start + i] !== TOKEN[i]) return false;
  return true;
}

function put(target: Uint8Array, out: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) target[out++] = bytes[i];
  return out;
}

const MAX_INT32 = 2 ** 31 - 1;
const digits = new Uint8Array(MAX_DIGITS);

function writeDigits(target: Uint8Array, out: number, value: number): number {
  let at = MAX_DIGITS;
  for (; value > MAX_INT32; value = Math.floor(value / 10)) digits[--at] = 0x30 + value % 10;
  let small = value | 0; // whole numbers are divided several times as fast
  do {
    const rest = small / 10 | 0;
    digits[--at] = 0x30 + small - 10 * rest;
    small = rest;
  } while (small > 0);
  while (at < MAX_DIGITS) target[out++] = digits[at++];
  return out;
}

function writeData(
  target: Uint8Array,
  out: number,
  records: Uint8Array,
  start: number,
  end: number,
): number {
  if (end - start <= SHORT) {
    for (let at = start; at < end; at++) {
      const byte = records[at];
      target[out++] = byte === LF || byte === CR ? SPACE : byte;
    }
    return out;
  }
  const payload = records.subarray(start, end);
  target.set(payload, out);
  const written = target.subarray(out, out + payload.length);
  for (const lineEnd of [LF, CR]) {
    for (let at = written.indexOf(lineEnd); at >= 0; at = written.indexOf(lineEnd, at + 1)) {
      written[at] = SPACE;
    }
  }
  return out + payload.length;
}
