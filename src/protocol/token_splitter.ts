/**
 * Bytes of a program's output → tokens.
 *
 * @module
 */

import { WholeCharacters } from "./whole_characters.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Cuts a stream of bytes into tokens: each line with its newline, and whatever follows the last newline at once, so that
 * text that comes word by word goes out word by word. Concatenated, the tokens are the input; for what is no UTF-8 see
 * {@linkcode WholeCharacters}.
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
  readonly #characters = new WholeCharacters();

  /** Whether any byte had to be replaced. */
  get replaced(): boolean {
    return this.#characters.replaced;
  }

  /** Takes what was read in one go; returns the tokens it makes. */
  feed(chunk: Uint8Array): string[] {
    return lines(decoder.decode(this.#characters.feed(chunk)));
  }

  /** The input has ended; returns what was held back. */
  end(): string[] {
    return lines(decoder.decode(this.#characters.end()));
  }
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
