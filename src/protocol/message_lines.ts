/**
 * Bytes of a program's output → messages, one JSON object a line (NDJSON).
 *
 * @module
 */

import type { Message } from "./message.ts";

/** A line that could not be read. */
export interface BadLine {
  /** Its text, where it is no message: not JSON, no object, or without a `type` that may be sent. */
  readonly text?: string;
  /** Its size, where it is too long; it is gone. */
  readonly bytes?: number;
}

/** What a line is. */
export type ReadLine = { readonly message: Message } | { readonly bad: BadLine };

/** Options of {@linkcode MessageLines}. */
export interface MessageLinesOptions {
  /** Longest line, bytes (default 10 MiB, which a relay takes by default); a longer one is skipped, and told. */
  readonly maxBytes?: number;
  /** Fields that no message may have (default none). */
  readonly reserved?: readonly string[];
}

const MAX_BYTES = 10 * 1024 * 1024;
const NEWLINE = 0x0a;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Types that are not a program's to send: credentials, ciphertext, and what a relay says. */
const FOREIGN: ReadonlySet<string> = new Set(["auth", "enc", "gap"]);

/**
 * Reads lines, cut anywhere, as messages. Empty lines are skipped; a line that is no message is handed out as it is. What is
 * held back of a line that has not come whole has a bound.
 *
 * @example
 * ```ts
 * import { MessageLines } from "./message_lines.ts";
 * import assert from "node:assert/strict";
 *
 * const lines = new MessageLines();
 * const text = '{"type":"progress","percent":5}\nLoading\n';
 * assert.deepEqual(lines.feed(new TextEncoder().encode(text)), [
 *   { message: { type: "progress", percent: 5 } },
 *   { bad: { text: "Loading" } },
 * ]);
 * ```
 */
export class MessageLines {
  readonly #maxBytes: number;
  readonly #reserved: readonly string[];
  /** Pieces of the line that has not ended. */
  #pieces: Uint8Array[] = [];
  #size = 0;

  constructor({ maxBytes = MAX_BYTES, reserved = [] }: MessageLinesOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#reserved = reserved;
  }

  /** Takes what was read in one go, which may be used again afterwards; returns the lines that it ends. */
  feed(chunk: Uint8Array): ReadLine[] {
    const read: ReadLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      read.push(...this.end());
      from = at + 1;
    }
    this.#keep(chunk.slice(from));
    return read;
  }

  /** The input, or a line, has ended; returns what was held back. */
  end(): ReadLine[] {
    const size = this.#size;
    const bytes = size > this.#maxBytes ? undefined : joined(this.#pieces, size);
    this.#pieces = [];
    this.#size = 0;
    if (bytes === undefined) return [{ bad: { bytes: size } }];
    const text = decoder.decode(bytes);
    return text.trim() === "" ? [] : [this.#read(text)];
  }

  #keep(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#size += piece.length;
    if (this.#size > this.#maxBytes) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  #read(text: string): ReadLine {
    const message = messageOf(text);
    const taken = message !== undefined && this.#reserved.some((name) => name in message);
    return message === undefined || taken ? { bad: { text } } : { message };
  }
}

/** The message in `text`, where it is one that a program may send. */
function messageOf(text: string): Message | undefined {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // the caller hands it out as a line that is bad
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { type, content, message } = value;
  if (typeof type !== "string" || FOREIGN.has(type)) return undefined;
  if (type === "token" && typeof content !== "string") return undefined;
  if (type === "error" && typeof message !== "string") return undefined;
  return value;
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
