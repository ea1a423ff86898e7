/**
 * Recordings of tokens: a stream that a model once made, to be played again as it was.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { type DueToken, LONGEST_MS, type Model, MOST_TOKENS } from "./model.ts";

/** Largest file of a recording, bytes: it is read whole. */
export const LARGEST_RECORDING = 64 * 1024 * 1024;
/** Longest content of one token, characters: any relay takes that as one message. */
const LONGEST_CONTENT = 256 * 1024;
/** Times from here on are seconds since 1970 (this one is in 1973), earlier ones seconds since the request. */
const EPOCH_FROM_S = 1e8;
/** Seconds since 1970 are below this for 3,000 years, milliseconds are not. */
const MILLISECONDS_FROM = 1e11;

/** Options of {@linkcode recordedModel}. */
export interface RecordedModelOptions {
  /** What to call the file in errors and results. */
  readonly name: string;
  /** Time before the first token, ms, instead of the recorded one. */
  readonly prefillMs?: number;
}

/** Time before the first token where a recording does not say when the request was made, ms. */
export const UNKNOWN_PREFILL_MS = 400;

/**
 * Reads a recording: JSON objects, one a line, of which those with `t` (seconds) and `content` are tokens, as are messages
 * of a channel with a `t`. `t` is counted from the request, or from 1970: then the first line before all tokens that has a `t` says when
 * the request was made. Lines without content, and messages of other types, are no tokens.
 *
 * @throws {RelayError} `usage`, with the file and the number of the line, for what cannot be played.
 *
 * @example
 * ```ts
 * import { recordedModel } from "./recorded_tokens.ts";
 * import assert from "node:assert/strict";
 *
 * const text = '{"t":0.5,"content":"Hello"}\n{"t":0.75,"content":" world"}\n';
 * const { tokens } = recordedModel(text, { name: "hello.ndjson" });
 * assert.deepEqual(tokens.map(({ dueMs }) => dueMs), [500, 750]);
 * ```
 */
export function recordedModel(text: string, options: RecordedModelOptions): Model {
  const { name, prefillMs } = options;
  const recording = new Recording();
  let number = 0;
  for (const line of linesOf(text)) {
    number++;
    try {
      recording.add(line);
    } catch (error) {
      if (!(error instanceof Unplayable)) throw error;
      throw new RelayError("usage", `Cannot replay ${name}:${number}: ${error.message}`);
    }
  }
  const tokens = recording.tokens(prefillMs);
  if (tokens.length === 0) {
    throw new RelayError("usage", `Cannot replay ${name}: there is no token in it`);
  }
  return { settings: { prefillMs: tokens[0].dueMs, tokens: tokens.length, replay: name }, tokens };
}

/** Lines one by one: an array of them all would cost as much again as the file. */
function* linesOf(text: string): Generator<string> {
  const start = text.startsWith("\ufeff") ? 1 : 0;
  for (let from = start; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline;
    yield text.slice(from, to);
    from = to + 1;
  }
}

/** A line that no recording has. */
class Unplayable extends Error {}

/** A recording while it is read. */
class Recording {
  readonly #read: { t: number; content: string }[] = [];
  /** When the request was made, where a line says so. */
  #requestedAt: number | undefined;
  #last = 0;

  /** @throws {Unplayable} */
  add(line: string): void {
    if (line.trim() === "") return;
    const { t, content, type = "token" } = objectIn(line);
    const text = type === "token" ? content ?? "" : "";
    if (typeof text !== "string") throw new Unplayable("its content is no text");
    if (t === undefined && text !== "") throw new Unplayable("it has no t, the time in seconds");
    if (t === undefined) return;
    const at = this.#time(t);
    if (text !== "") this.#addToken(at, text);
    else if (this.#read.length === 0) this.#requestedAt ??= at;
  }

  #addToken(t: number, content: string): void {
    if (content.length > LONGEST_CONTENT) {
      throw new Unplayable(`its content is longer than ${LONGEST_CONTENT} characters`);
    }
    if (this.#read.length === MOST_TOKENS) throw new Unplayable(`more than ${MOST_TOKENS} tokens`);
    this.#read.push({ t, content: content.toWellFormed() });
    const first = this.#read[0].t;
    const start = this.#requestedAt ?? (first < EPOCH_FROM_S ? 0 : first);
    if ((t - start) * 1000 > LONGEST_MS) throw new Unplayable("it comes after more than a day");
  }

  #time(t: unknown): number {
    if (typeof t !== "number" || !Number.isFinite(t)) throw new Unplayable("its t is no number");
    if (t < 0) throw new Unplayable("its t is below 0");
    if (t >= MILLISECONDS_FROM) throw new Unplayable("its t is too large for seconds");
    if (t < this.#last) throw new Unplayable(`its t goes back, from ${this.#last} to ${t}`);
    this.#last = t;
    return t;
  }

  tokens(prefillMs: number | undefined): DueToken[] {
    if (this.#read.length === 0) return [];
    const [{ t: first }] = this.#read;
    const fromRequest = first < EPOCH_FROM_S ? first : undefined;
    const recorded = this.#requestedAt === undefined ? fromRequest : first - this.#requestedAt;
    const startMs = prefillMs ?? (recorded === undefined ? UNKNOWN_PREFILL_MS : ms(recorded));
    return this.#read.map(({ t, content }) => ({ dueMs: startMs + ms(t - first), content }));
  }
}

/** Seconds in ms, to the µs: what a sum of fractions has below that is noise. */
function ms(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}

function objectIn(line: string): Record<string, unknown> {
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Unplayable("it is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new Unplayable("it is no JSON object");
}
