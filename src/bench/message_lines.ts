/**
 * Messages of the load, as all transports carry them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { RelayError } from "../errors.ts";
import type { ReceiverEvents } from "./endpoints.ts";

const PREFIX = Buffer.from('{"type":"token","content":"');
const SUFFIX = Buffer.from('"}');
/** Bytes around a content. */
export const AROUND = PREFIX.length + SUFFIX.length;
/** What tells a token from other messages at a glance: the `t`, and the quote in front of the content. */
const TYPE_AT = 9;
const T = 0x74;
const QUOTE = 0x22;

/** The last message of a stream. */
export const DONE = '{"type":"done","usage":{}}';

/** Writes a message around `content` to `target`; returns where it ends. */
export function writeMessage(target: Buffer, at: number, content: Uint8Array): number {
  target.set(PREFIX, at);
  target.set(content, at + PREFIX.length);
  at += PREFIX.length + content.length;
  target[at] = QUOTE;
  target[at + 1] = SUFFIX[1];
  return at + SUFFIX.length;
}

/**
 * Hands the message at `from` to `to` of `bytes` to `events`; those of a run that need no parsing are told by their length.
 * Returns whether the stream has ended with it.
 */
export function readMessage(
  bytes: Buffer,
  { from, to, size, events }: { from: number; to: number; size: number; events: ReceiverEvents },
): boolean {
  const at = from + PREFIX.length;
  if (to - from === size + AROUND && bytes[from + TYPE_AT] === T && bytes[at - 1] === QUOTE) {
    events.content(bytes, at, to - SUFFIX.length);
    return false;
  }
  return readOther(bytes.toString("utf8", from, to), events);
}

function readOther(text: string, events: ReceiverEvents): boolean {
  const message = parsed(text);
  if (message.type === "done") {
    events.ended();
    return true;
  }
  if (message.type === "error") {
    const why = typeof message.message === "string" ? message.message : "without a reason";
    events.ended(new RelayError("incomplete", `The stream ended with an error: ${why}`));
    return true;
  }
  if (message.type === "gap") events.gap(Number(message.to));
  else {
    const content = Buffer.from(String(message.content ?? text));
    events.content(content, 0, content.length);
  }
  return false;
}

/** What is no message is one whose content is wrong. */
function parsed(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

const NEWLINE = 0x0a;

/** Cuts a body that comes in any pieces into lines. */
export class LineCutter {
  readonly #line: (bytes: Buffer, from: number, to: number) => void;
  #rest: Buffer[] = [];

  /** `line` is called for each line, without its end. */
  constructor(line: (bytes: Buffer, from: number, to: number) => void) {
    this.#line = line;
  }

  /** Takes a piece. */
  feed(bytes: Buffer): void {
    let from = 0;
    let end = bytes.indexOf(NEWLINE);
    if (end < 0) {
      this.#rest.push(bytes);
      return;
    }
    if (this.#rest.length > 0) {
      const whole = Buffer.concat([...this.#rest, bytes.subarray(0, end)]);
      this.#rest = [];
      this.#line(whole, 0, whole.length);
      from = end + 1;
      end = bytes.indexOf(NEWLINE, from);
    }
    for (; end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#line(bytes, from, end);
      from = end + 1;
    }
    if (from < bytes.length) this.#rest.push(bytes.subarray(from));
  }
}
