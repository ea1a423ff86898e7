/**
 * Messages as the text of their tokens, in the body of an HTTP answer.
 *
 * @module
 */

import type { BodyWriter, MessagePlace } from "./body_writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PREFIX = encoder.encode('{"type":"token","content":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;

/** For each byte after a backslash what the two stand for (RFC 8259 §7), 0 where there is no such short escape. */
const UNESCAPED = (() => {
  const table = new Uint8Array(256);
  for (const [letter, byte] of ["b\b", "t\t", "n\n", "f\f", "r\r", '""', "\\\\", "//"]) {
    table[letter.charCodeAt(0)] = byte.charCodeAt(0);
  }
  return table;
})();

/**
 * Writes what tokens hold and leaves out other messages. Where it meets one that cannot be read here, because it is
 * encrypted or no message at all, the text cannot go on: it would lack a part without a sign.
 */
export class PlainTextWriter implements BodyWriter {
  /** An escape is never shorter than what it stands for. */
  room(length: number): number {
    return length;
  }

  write(target: Uint8Array, offset: number, place: MessagePlace): number | undefined {
    return writeSimple(target, offset, place) ?? writeParsed(target, offset, place);
  }
}

/** A token as most producers write it, without a string on the way; `undefined` for any other message. */
function writeSimple(target: Uint8Array, offset: number, { records, start, end }: MessagePlace) {
  let at = start;
  for (let i = 0; i < PREFIX.length; i++) if (records[at++] !== PREFIX[i]) return undefined;
  const last = end - 2;
  if (records[last] !== QUOTE || records[last + 1] !== BRACE) return undefined;
  let out = offset;
  while (at < last) {
    let byte = records[at++];
    if (byte === BACKSLASH) {
      byte = UNESCAPED[records[at++]];
      if (byte === 0 || at > last) return undefined;
    } else if (byte < 0x20 || byte === QUOTE) return undefined;
    target[out++] = byte;
  }
  return at === last ? out : undefined;
}

function writeParsed(
  target: Uint8Array,
  offset: number,
  { records, start, end }: MessagePlace,
): number | undefined {
  let message;
  try {
    message = JSON.parse(decoder.decode(records.subarray(start, end)));
  } catch {
    return undefined; // no JSON, or no UTF-8
  }
  const { type, content } = message ?? {};
  if (typeof type !== "string" || type === "enc") return undefined;
  if (type !== "token") return offset;
  if (typeof content !== "string") return undefined;
  return offset + encoder.encodeInto(content, target.subarray(offset)).written;
}
