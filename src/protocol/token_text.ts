/**
 * Token messages as lines (NDJSON) → the text they hold, without a string on the way.
 *
 * @module
 */

import { isUtf8 } from "./utf8.ts";

/** The text of a run of tokens. */
export interface TokenRun {
  /** UTF-8; valid until the next call. */
  readonly text: Uint8Array;
  /** Number of tokens. */
  readonly count: number;
}

const PREFIX = new TextEncoder().encode('{"type":"token","content":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;
const NEWLINE = 0x0a;
/** Scratch memory above this size is not kept, bytes. */
const WORTH_KEEPING = 1024 * 1024;

/** For each byte after a backslash what the two stand for (RFC 8259 §7), 0 where there is no such short escape. */
const UNESCAPED = (() => {
  const table = new Uint8Array(256);
  for (const [letter, byte] of ["b\b", "t\t", "n\n", "f\f", "r\r", '""', "\\\\", "//"]) {
    table[letter.charCodeAt(0)] = byte.charCodeAt(0);
  }
  return table;
})();

/**
 * Reads lines as {@linkcode TokenLines} and most producers write them: tokens, in this form, without `\u` escapes. Any
 * other message, good or bad, is for the JSON parser.
 *
 * @example
 * ```ts
 * import { TokenText } from "./token_text.ts";
 * import assert from "node:assert/strict";
 *
 * const encode = (text: string) => new TextEncoder().encode(text);
 * const run = new TokenText().read(encode('{"type":"token","content":"one\\n"}\n'))!;
 * assert.deepEqual([new TextDecoder().decode(run.text), run.count], ["one\n", 1]);
 * assert.equal(new TokenText().read(encode('{"type":"done"}\n')), undefined);
 * ```
 */
export class TokenText {
  #scratch = new Uint8Array(64 * 1024);

  /** The text of `lines`, each of which ends with a newline; `undefined` where one of them is something else. */
  read(lines: Uint8Array): TokenRun | undefined {
    const target = this.#room(lines.length);
    let out = 0;
    let count = 0;
    let seen = 0;
    for (let at = 0; at < lines.length; count++) {
      for (let i = 0; i < PREFIX.length; i++) if (lines[at++] !== PREFIX[i]) return undefined;
      for (;;) {
        let byte = lines[at++];
        if (byte === QUOTE) break;
        if (byte === BACKSLASH) {
          byte = UNESCAPED[lines[at++]];
          if (byte === 0) return undefined;
        } else if (!(byte >= 0x20)) return undefined; // the end of the line, too
        seen |= byte;
        target[out++] = byte;
      }
      if (lines[at++] !== BRACE || lines[at++] !== NEWLINE) return undefined;
    }
    if (seen >= 0x80 && !isUtf8(target, 0, out)) return undefined;
    return { text: target.subarray(0, out), count };
  }

  #room(size: number): Uint8Array {
    if (size <= this.#scratch.length) return this.#scratch;
    const room = new Uint8Array(size);
    if (size <= WORTH_KEEPING) this.#scratch = room;
    return room;
  }
}
