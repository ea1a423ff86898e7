/**
 * The type of an encoded message, found without parsing it wherever its writer puts it first.
 *
 * @module
 */

const TOKEN = new TextEncoder().encode('token"');
const QUOTE = 0x22;
/** `{"type":` as every known writer begins a message; Python's `json.dumps` adds a space. */
const PREFIX = new TextEncoder().encode('{"type":');
/** A message that does not begin so is parsed only up to this size: the ones looked for are small. */
const MAX_PARSED = 64 * 1024;
const MAX_TYPE = 32;

/**
 * The `type` of the message in `bytes[start, end)`, or `undefined` where it has none or is no JSON object.
 *
 * @example
 * ```ts
 * import { messageType } from "./message_type.ts";
 * import assert from "node:assert/strict";
 *
 * const bytes = new TextEncoder().encode('{"type": "done", "usage": {}}');
 * assert.equal(messageType(bytes, 0, bytes.length), "done");
 * ```
 */
export function messageType(bytes: Uint8Array, start: number, end: number): string | undefined {
  let i = start;
  for (let k = 0; k < PREFIX.length; k++, i++) {
    if (bytes[i] !== PREFIX[k] || i >= end) return parsedType(bytes, start, end);
  }
  if (bytes[i] === 0x20) i++;
  if (bytes[i] !== QUOTE) return parsedType(bytes, start, end);
  if (isToken(bytes, i + 1, end)) return "token";
  let type = "";
  for (i++; i < end && type.length <= MAX_TYPE; i++) {
    if (bytes[i] === QUOTE) return type;
    type += String.fromCharCode(bytes[i]);
  }
  return undefined; // cut short, or longer than any that is looked for
}

/** Nearly all are tokens, and a string of its own for each costs as much as handing it on. */
function isToken(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < TOKEN.length) return false;
  for (let k = 0; k < TOKEN.length; k++) if (bytes[at + k] !== TOKEN[k]) return false;
  return true;
}

function parsedType(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > MAX_PARSED || !isSpaceOrBrace(bytes[start])) return undefined;
  try {
    const type = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))?.type;
    return typeof type === "string" ? type : undefined;
  } catch {
    return undefined; // not JSON: opaque to the relay, and the reader will say so
  }
}

function isSpaceOrBrace(byte: number): boolean {
  return byte === 0x7b || byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
