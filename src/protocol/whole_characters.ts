/**
 * Bytes of UTF-8 as they are read → pieces that end where a character does.
 *
 * @module
 */

import { isUtf8 } from "./utf8.ts";

const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Makes valid UTF-8 of what comes in any slices: a character whose bytes come in two reads waits for the second, and bytes
 * that are not UTF-8 become U+FFFD.
 *
 * @example
 * ```ts
 * import { WholeCharacters } from "./whole_characters.ts";
 * import assert from "node:assert/strict";
 *
 * const whole = new WholeCharacters();
 * assert.deepEqual([...whole.feed(Uint8Array.of(0x61, 0xc3))], [0x61]);
 * assert.deepEqual([...whole.feed(Uint8Array.of(0xa4))], [0xc3, 0xa4]);
 * ```
 */
export class WholeCharacters {
  /** Whether any byte had to be replaced. */
  replaced = false;
  #held: Uint8Array = new Uint8Array(0);

  /** Bytes that wait for the rest of a character: 0 to 3. */
  get waiting(): number {
    return this.#held.length;
  }

  /** Takes what was read in one go; returns whole characters, maybe a view of `chunk`. */
  feed(chunk: Uint8Array): Uint8Array {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + chunk.length);
      bytes.set(this.#held);
      bytes.set(chunk, this.#held.length);
    }
    const cut = bytes.length - unfinished(bytes);
    this.#held = bytes.slice(cut);
    return this.#valid(bytes.subarray(0, cut));
  }

  /** The input has ended; returns what was held back. */
  end(): Uint8Array {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return this.#valid(held);
  }

  #valid(bytes: Uint8Array): Uint8Array {
    if (isUtf8(bytes, 0, bytes.length)) return bytes;
    this.replaced = true; // the caller tells the user; the stream goes on
    return encoder.encode(LENIENT.decode(bytes));
  }
}

/** How many bytes at the end begin a character (RFC 3629 §3) whose other bytes are still to come: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue; // a continuation byte: its lead is further back
    const size = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return size > back ? back : 0;
  }
  return 0;
}
