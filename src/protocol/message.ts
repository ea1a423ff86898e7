/**
 * Messages: what travels through a channel, the same on every transport.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** A piece of the stream. */
export interface TokenMessage {
  readonly type: "token";
  readonly content: string;
}

/** The producer has finished. */
export interface DoneMessage {
  readonly type: "done";
  /** Whatever the producer counted, e.g. `{ completion_tokens: 50 }`. */
  readonly usage?: Record<string, unknown>;
}

/** The stream ended badly. */
export interface ErrorMessage {
  readonly type: "error";
  readonly message: string;
  /** What kind of ending; absent from Python producers. */
  readonly code?: string;
  /** Exit code of the producer's command, with code `exit`. */
  readonly exit_code?: number;
  /** Signal that ended it, e.g. `SIGTERM`, with code `signal`. */
  readonly signal?: string;
}

/** A message of a type that is carried for its receivers and skipped by token printers. */
export interface OtherMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Any message. */
export type Message = TokenMessage | DoneMessage | ErrorMessage | OtherMessage;

/** Narrows to {@linkcode TokenMessage}. */
export function isToken(message: Message): message is TokenMessage {
  return message.type === "token";
}

/** Narrows to {@linkcode DoneMessage}. */
export function isDone(message: Message): message is DoneMessage {
  return message.type === "done";
}

/** Narrows to {@linkcode ErrorMessage}. */
export function isError(message: Message): message is ErrorMessage {
  return message.type === "error";
}

/**
 * Reads one message.
 *
 * @throws {RelayError} `protocol` where `text` is no JSON object with a `type`, or a field it must have is missing.
 *
 * @example
 * ```ts
 * import { parseMessage } from "./message.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseMessage('{"type":"token","content":"Hi"}'), { type: "token", content: "Hi" });
 * ```
 */
export function parseMessage(text: string): Message {
  let value;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RelayError("protocol", "Cannot read a message of the channel: it is not JSON", {
      cause,
    });
  }
  return checked(value);
}

/**
 * Reads the messages of `text`, one a line, each line ended by `\n`. Parsing them in one go costs half of one by one.
 *
 * @throws {RelayError} as {@linkcode parseMessage} does; `read` then has the messages before the bad one.
 */
export function parseMessages(text: string, read: Message[]): void {
  const lines = text.slice(0, -1).split("\n");
  let values: unknown[] = [];
  try {
    values = JSON.parse(`[${lines.join()}]`);
  } catch {
    // one of them is no JSON: which, is found below
  }
  // a line like `{},{}` would count as two
  const counted = values.length === lines.length;
  for (let i = 0; i < lines.length; i++) {
    read.push(counted ? checked(values[i]) : parseMessage(lines[i]));
  }
}

/**
 * A parsed value as a message.
 *
 * @throws {RelayError} as {@linkcode parseMessage} does.
 */
// deno-lint-ignore no-explicit-any -- what JSON holds
export function checked(value: any): Message {
  const { type, content } = value ?? {};
  if (typeof type !== "string") {
    throw new RelayError("protocol", "Cannot read a message of the channel: it has no type");
  }
  if (type === "token" && typeof content !== "string") {
    throw new RelayError("protocol", "Cannot read a token of the channel: its content is no text");
  }
  if (type === "error" && typeof value.message !== "string") {
    return { ...value, message: "no reason given" };
  }
  return value;
}
