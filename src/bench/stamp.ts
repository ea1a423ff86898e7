/**
 * What a message of the load says, so that whoever receives it can check it.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Bytes in front of the filler: number and time. */
export const STAMP_BYTES = 16;

const SEQ_DIGITS = 6;
const TIME_DIGITS = 8;
const TIME_AT = SEQ_DIGITS + 1;
/** Half of the time's digits: numbers of 32 bits are quicker. */
const HALF = TIME_DIGITS / 2;
const HALF_SPAN = 36 ** HALF;
const SPACE = 0x20;

/** Nothing that JSON writes otherwise than it is. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Places where a filler may begin in the block; a prime, so that channels and numbers spread. */
const PLACES = 4093;
/** Bytes up to which a loop compares quicker than a call. */
const SHORT = 128;

const DIGITS = new TextEncoder().encode("0123456789abcdefghijklmnopqrstuvwxyz");
const VALUES = (() => {
  const values = new Int8Array(256).fill(-1);
  DIGITS.forEach((digit, value) => values[digit] = value);
  return values;
})();

/**
 * Writes and checks contents of one size: the message's number and the time at which it was sent, base 36, and filler that
 * is another one for each channel and number, cut from one block, as making it up for each message would cost more than
 * sending it.
 *
 * @example
 * ```ts
 * import { Stamp } from "./stamp.ts";
 * import assert from "node:assert/strict";
 *
 * const stamp = new Stamp(32);
 * const content = new Uint8Array(32);
 * stamp.write(content, 0, { channel: 7, seq: 41, sentMs: 12.5 });
 * assert.match(new TextDecoder().decode(content), /^000015 000009n8 [\w-]{16}$/);
 * assert.equal(stamp.seqOf(content, 0), 41);
 * assert.equal(stamp.sentMsOf(content, 0), 12.5);
 * assert.equal(stamp.fits(content, 0, { channel: 7, seq: 41 }), true);
 * assert.equal(stamp.fits(content, 0, { channel: 8, seq: 41 }), false);
 * ```
 */
export class Stamp {
  /** Bytes of each content. */
  readonly size: number;
  readonly #block: Uint8Array;

  /** @throws {RangeError} where `size` is less than {@linkcode STAMP_BYTES}. */
  constructor(size: number) {
    if (!(size >= STAMP_BYTES)) throw new RangeError(`Cannot stamp ${size} bytes`);
    this.size = size;
    this.#block = filler(size - STAMP_BYTES + PLACES);
  }

  /** Writes a content to `target` from `at` on; `sentMs` is less than 32 days. */
  write(
    target: Uint8Array,
    at: number,
    { channel, seq, sentMs }: { channel: number; seq: number; sentMs: number },
  ): void {
    const us = Math.round(sentMs * 1000);
    const high = Math.floor(us / HALF_SPAN);
    writeDigits(target, at, SEQ_DIGITS, seq);
    target[at + SEQ_DIGITS] = SPACE;
    writeDigits(target, at + TIME_AT, HALF, high);
    writeDigits(target, at + TIME_AT + HALF, HALF, us - high * HALF_SPAN);
    target[at + TIME_AT + TIME_DIGITS] = SPACE;
    const from = placeOf(channel, seq);
    const length = this.size - STAMP_BYTES;
    at += STAMP_BYTES;
    if (length > SHORT) target.set(this.#block.subarray(from, from + length), at);
    else for (let i = 0; i < length; i++) target[at + i] = this.#block[from + i];
  }

  /** The number of the content at `at`; -1 where there is none. */
  seqOf(bytes: Uint8Array, at: number): number {
    return bytes[at + SEQ_DIGITS] === SPACE ? readDigits(bytes, at, SEQ_DIGITS) : -1;
  }

  /** When it says that it was sent, ms; negative where it does not. */
  sentMsOf(bytes: Uint8Array, at: number): number {
    const high = readDigits(bytes, at + TIME_AT, HALF);
    const low = readDigits(bytes, at + TIME_AT + HALF, HALF);
    if (high < 0 || low < 0 || bytes[at + TIME_AT + TIME_DIGITS] !== SPACE) return -1;
    return (high * HALF_SPAN + low) / 1000;
  }

  /** Whether the filler at `at` is the one of this message. */
  fits(
    bytes: Uint8Array,
    at: number,
    { channel, seq }: { channel: number; seq: number },
  ): boolean {
    const from = placeOf(channel, seq);
    const length = this.size - STAMP_BYTES;
    at += STAMP_BYTES;
    if (length > SHORT) {
      const expected = this.#block.subarray(from, from + length);
      return Buffer.compare(expected, bytes.subarray(at, at + length)) === 0;
    }
    for (let i = 0; i < length; i++) if (bytes[at + i] !== this.#block[from + i]) return false;
    return true;
  }
}

function placeOf(channel: number, seq: number): number {
  return ((Math.imul(channel + 1, 0x9e3779b1) ^ Math.imul(seq + 1, 0x85ebca6b)) >>> 3) % PLACES;
}

function writeDigits(target: Uint8Array, at: number, count: number, value: number): void {
  for (let i = count - 1; i >= 0; i--) {
    const rest = Math.floor(value / 36);
    target[at + i] = DIGITS[value - 36 * rest];
    value = rest;
  }
}

function readDigits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const digit = VALUES[bytes[at + i]];
    if (!(digit >= 0)) return -1;
    value = value * 36 + digit;
  }
  return value;
}

/** Always the same; that nobody can compress it away is all that is asked of it. */
function filler(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = ALPHABET.charCodeAt(state >>> 26);
  }
  return bytes;
}
