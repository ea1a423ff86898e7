/**
 * The body of an HTTP producer → messages as lines.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import { GrowingBytes } from "../../protocol/growing_bytes.ts";
import type { BodyFormat } from "../../protocol/http_format.ts";
import { type Message, parseMessages } from "../../protocol/message.ts";
import { TokenLines } from "../../protocol/token_lines.ts";
import { isUtf8 } from "../../protocol/utf8.ts";
import { WholeCharacters } from "../../protocol/whole_characters.ts";
import { badRequest } from "./http_error.ts";

/** Takes whole lines; they are valid during the call alone. */
export type LineSink = (lines: Uint8Array) => void;

/** Reads a body. */
export interface BodyReader {
  /** Bytes that became messages so far. */
  readonly bytes: number;
  /** Whether its last message says that the stream is done. */
  readonly saidDone: boolean;
  /** How a stream stands that ends here. */
  readonly status: "done" | "error" | "closed";
  /** Takes what was read in one go. @throws {RelayError} where it is no message; those before it went to `sink`. */
  feed(chunk: Uint8Array, sink: LineSink): void;
  /** The body has ended: what was held back. @throws {RelayError} likewise. */
  end(sink: LineSink): void;
}

/** Makes the reader for a format, of messages of at most `maxMessageBytes`. */
export function bodyReader(format: BodyFormat, maxMessageBytes: number): BodyReader {
  return format === "text" ? new TextBody(maxMessageBytes) : new NdjsonBody(maxMessageBytes);
}

/** It has no state between calls, as only whole characters come to it: one serves all, with 256 KiB of memory. */
const tokenLines = new TokenLines();
/** What a token has besides its text, and what one byte of it may become, bytes. */
const AROUND_TOKEN = 32;
const LONGEST_ESCAPE = 6;
const LARGEST_SLICE = 64 * 1024;
const LEAST_SLICE = 4;

/** Text: each piece that comes, cut after each newline, is a token. */
class TextBody implements BodyReader {
  bytes = 0;
  readonly saidDone = false;
  readonly status = "done";
  readonly #characters = new WholeCharacters();
  /** Bytes that came, some of which may wait for the rest of a character. */
  #fed = 0;
  readonly #slice: number;

  constructor(maxMessageBytes: number) {
    const most = Math.floor((maxMessageBytes - AROUND_TOKEN) / LONGEST_ESCAPE);
    this.#slice = Math.max(LEAST_SLICE, Math.min(LARGEST_SLICE, most));
  }

  feed(chunk: Uint8Array, sink: LineSink): void {
    for (let at = 0; at < chunk.length; at += this.#slice) {
      const slice = chunk.subarray(at, at + this.#slice);
      this.#fed += slice.length;
      this.#tell(this.#characters.feed(slice), sink);
    }
  }

  end(sink: LineSink): void {
    this.#tell(this.#characters.end(), sink);
  }

  #tell(whole: Uint8Array, sink: LineSink): void {
    if (whole.length > 0) sink(tokenLines.feed(whole).lines);
    this.bytes = this.#fed - this.#characters.waiting;
  }
}

const NEWLINE = 0x0a;
const decoder = new TextDecoder();

/** NDJSON: each line is a message; empty ones are skipped. */
class NdjsonBody implements BodyReader {
  bytes = 0;
  saidDone = false;
  readonly #maxMessageBytes: number;
  /** The beginning of a line whose end has not come. */
  #held = new GrowingBytes(new Uint8Array(0));
  #lines = 0;
  #first = true;
  #failed = false;
  #sealed = false;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  get status(): "done" | "error" | "closed" {
    if (this.#failed) return "error";
    return this.#sealed ? "closed" : "done";
  }

  feed(chunk: Uint8Array, sink: LineSink): void {
    const cut = chunk.lastIndexOf(NEWLINE) + 1;
    if (cut > 0) {
      this.#tell(this.#joined(chunk.subarray(0, cut)), sink);
    }
    this.#hold(chunk.subarray(cut));
  }

  end(sink: LineSink): void {
    if (this.#held.length === 0) return;
    this.#tell(this.#joined(Uint8Array.of(NEWLINE)), sink);
    this.bytes--; // the newline is ours
  }

  #hold(rest: Uint8Array): void {
    if (rest.length === 0) return;
    if (this.#held.length + rest.length > this.#maxMessageBytes) throw new RelayError("too_big");
    this.#held.push(rest);
  }

  /** What was held, and what ends it. */
  #joined(lines: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return lines;
    this.#held.push(lines);
    const joined = this.#held.view();
    this.#held = new GrowingBytes(new Uint8Array(0));
    return joined;
  }

  #tell(bytes: Uint8Array, sink: LineSink): void {
    if (!isUtf8(bytes, 0, bytes.length)) throw new RelayError("bad_text");
    const lines = decoder.decode(bytes).split("\n");
    lines.pop(); // behind the last newline
    const texts = lines.filter((line) => !/^[ \t\r]*$/.test(line));
    const messages: Message[] = [];
    let fault: unknown;
    try {
      if (texts.length > 0) parseMessages(`${texts.join("\n")}\n`, messages);
      this.#judge(messages);
    } catch (error) {
      fault = error;
    }
    const good = texts.slice(0, messages.length);
    // a script made for WebSockets says its credential first: not for the readers
    if (this.#first && messages[0]?.type === "auth") good.shift();
    if (messages.length > 0) this.#first = false;
    if (good.length > 0) sink(new TextEncoder().encode(`${good.join("\n")}\n`));
    if (fault !== undefined) throw this.#faultIn(lines, messages.length, fault);
    this.#lines += lines.length;
    this.bytes += bytes.length;
  }

  /** Notes how the stream stands; what follows its end is taken out of `messages`. */
  #judge(messages: Message[]): void {
    for (const [i, { type }] of messages.entries()) {
      if (this.saidDone) {
        messages.length = i;
        throw badRequest("message after done");
      }
      this.saidDone = type === "done";
      if (this.saidDone) continue;
      this.#failed = type === "error";
      this.#sealed = type === "enc";
    }
  }

  /** Names the line at which it went wrong; nothing that it holds is told. */
  #faultIn(lines: string[], good: number, cause: unknown): RelayError {
    let line = 0;
    for (let left = good + 1; left > 0; line++) if (!/^[ \t\r]*$/.test(lines[line])) left--;
    const afterDone = cause instanceof RelayError && cause.code === "bad_request";
    const what = afterDone
      ? "comes after done"
      : "is not a message: a JSON object with a type, a token with its content as text";
    return badRequest(`line ${this.#lines + line} ${what}`);
  }
}
