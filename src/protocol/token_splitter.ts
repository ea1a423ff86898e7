/**
 * Bytes of a program's output → tokens.
 *
 * @module
 */

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Cuts a stream of bytes into tokens: each line with its newline, and whatever follows the last newline at once, so that
 * text that comes word by word goes out word by word. Concatenated, the tokens are the input; a character whose bytes
 * come in two reads waits for the second. Bytes that are not UTF-8 become U+FFFD.
 *
 * @example
 * ```ts
 * import { TokenSplitter } from "./token_splitter.ts";
 * import assert from "node:assert/strict";
 *
 * const splitter = new TokenSplitter();
 * assert.deepEqual(splitter.feed(new TextEncoder().encode("one\ntwo ")), ["one\n", "two "]);
 * assert.deepEqual(splitter.end(), []);
 * ```
 */
export class TokenSplitter {
  /** Whether any byte had to be replaced. */
  replaced = false;
  #held: Uint8Array = new Uint8Array(0);

  /** Takes what was read in one go; returns the tokens it makes. */
  feed(chunk: Uint8Array): string[] {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + chunk.length);
      bytes.set(this.#held);
      bytes.set(chunk, this.#held.length);
    }
    const cut = bytes.length - unfinished(bytes);
    this.#held = bytes.slice(cut);
    return lines(this.#decode(bytes.subarray(0, cut)));
  }

  /** The input has ended; returns what was held back. */
  end(): string[] {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return lines(this.#decode(held));
  }

  #decode(bytes: Uint8Array): string {
    try {
      return STRICT.decode(bytes);
    } catch {
      this.replaced = true; // the caller tells the user; the stream goes on
      return LENIENT.decode(bytes);
    }
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

function lines(text: string): string[] {
  const tokens: string[] = [];
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline + 1;
    tokens.push(text.slice(from, to));
    from = to;
  }
  return tokens;
}
