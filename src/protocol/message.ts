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

/** A line for the job's log. */
export interface LogMessage {
  readonly type: "log";
  readonly content: string;
  /** Where the line was written, e.g. `stderr`. */
  readonly stream?: string;
  /** `debug`, `info`, `warning` or `error`. */
  readonly level?: string;
}

/** How far the job has come. */
export interface ProgressMessage {
  readonly type: "progress";
  /** 0 to 100; absent where nobody can tell. */
  readonly percent?: number;
  /** What is being done, e.g. `loading weights`. */
  readonly step?: string;
}

/** Something happened that a program is to take note of. */
export interface EventMessage {
  readonly type: "event";
  readonly name: string;
  /** Whatever belongs to it. */
  readonly data?: unknown;
}

/** A message of a type that is carried for its receivers and skipped by token printers. */
export interface OtherMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Any message. */
export type Message =
  | TokenMessage
  | DoneMessage
  | ErrorMessage
  | LogMessage
  | ProgressMessage
  | EventMessage
  | OtherMessage;

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

/** How far a job has come, fit to be shown. */
export interface Progress {
  /** 0 to 100. */
  readonly percent?: number;
  /** Printable, at most {@linkcode MAX_STEP} characters. */
  readonly step?: string;
}

/** Characters of a step that are shown. */
export const MAX_STEP = 80;

/**
 * What a `progress` message says, fit for a terminal or a page, for whose writer anybody may be: a number is brought into its
 * bounds, control characters go, a number as step becomes text, the rest is left out. `undefined` for other messages.
 *
 * @example
 * ```ts
 * import { progressOf } from "./message.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(progressOf({ type: "progress", percent: 140, step: 3 }), { percent: 100, step: "3" });
 * ```
 */
export function progressOf(message: Message): Progress | undefined {
  if (message.type !== "progress") return undefined;
  const { percent, step } = message as OtherMessage;
  return {
    ...(typeof percent === "number" && Number.isFinite(percent) && {
      percent: Math.min(100, Math.max(0, percent)),
    }),
    ...((typeof step === "string" || typeof step === "number") && { step: shown(String(step)) }),
  };
}

function shown(text: string): string {
  const printable = text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "");
  return [...printable].slice(0, MAX_STEP).join("");
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
