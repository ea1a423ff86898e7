/**
 * A language model as a time table: which token is made when. Nothing is computed but when to send what.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ModelSettings } from "./result.ts";

/** One token of a time table. */
export interface DueToken {
  /** When the model has made it, ms from the job's start. */
  readonly dueMs: number;
  readonly content: string;
}

/** What a job puts out, and when. */
export interface Model {
  readonly settings: Omit<ModelSettings, "encrypted">;
  /** In the order in which they are made; at least one. */
  readonly tokens: readonly DueToken[];
}

/** Options of {@linkcode evenModel}. */
export interface EvenModelOptions {
  /** Time before the first token, in which a model reads its prompt, ms. */
  readonly prefillMs: number;
  /** Tokens per second. */
  readonly rate: number;
  readonly tokens: number;
}

/** Most tokens of one stream: a day of a fast model; two numbers are kept of each, in every run. */
export const MOST_TOKENS = 1_000_000;

/** Longest stream, ms. A timer of the runtime fires at once for what is 25 days away. */
export const LONGEST_MS = 24 * 3_600_000;

/**
 * A model that makes a token at even intervals once it has read its prompt.
 *
 * @throws {RelayError} `usage` where that is no stream, or one of more than {@linkcode MOST_TOKENS} or a day.
 *
 * @example
 * ```ts
 * import { evenModel } from "./model.ts";
 * import assert from "node:assert/strict";
 *
 * const { tokens } = evenModel({ prefillMs: 400, rate: 40, tokens: 3 });
 * assert.deepEqual(tokens.map(({ dueMs }) => dueMs), [400, 425, 450]);
 * ```
 */
export function evenModel({ prefillMs, rate, tokens: count }: EvenModelOptions): Model {
  if (!(rate > 0)) throw unusable("it makes no tokens: the rate is to be above 0");
  if (count < 1) throw unusable("it makes no token: give it more time, or more tokens");
  if (count > MOST_TOKENS) throw unusable(`it makes more than ${MOST_TOKENS} tokens`);
  const lastMs = prefillMs + (count - 1) * 1000 / rate;
  if (lastMs > LONGEST_MS) throw unusable("it takes more than a day");
  const contents = textOf(count);
  return {
    settings: { prefillMs, rate, tokens: count },
    tokens: contents.map((content, i) => ({ dueMs: prefillMs + i * 1000 / rate, content })),
  };
}

/** Time between two tokens, ms, on the average; 0 of a single one. */
export function meanGapMs({ tokens }: Model): number {
  if (tokens.length < 2) return 0;
  return (tokens[tokens.length - 1].dueMs - tokens[0].dueMs) / (tokens.length - 1);
}

/** The longest time, ms, in which nothing comes, the one before the first token included. */
export function longestGapMs({ tokens }: Model): number {
  let longest = tokens[0].dueMs;
  for (let i = 1; i < tokens.length; i++) {
    longest = Math.max(longest, tokens[i].dueMs - tokens[i - 1].dueMs);
  }
  return longest;
}

function unusable(why: string): RelayError {
  return new RelayError("usage", `Cannot play such a model: ${why}`);
}

/** Pieces such as tokenizers of language models cut English into. */
const PIECES =
  (" the| of| and| a| to| in| is| that| it| for| as| with| on| are| by| this| be| from| an| or| at| which| we| can| each|" +
    " token| stream| relay| model| batch| job| node| answer| time| first| result| reader| wait|ing|ed|s|ly|er| com|put|" +
    " en|crypt|ion| through|put| under|stand|,|,| –| “|”|'s| 40| 2|.5| because| while|\n\n").split(
      "|",
    );
/** Tokens of a sentence, about. */
const SENTENCE = 17;
/** An odd prime, in which a walk through the pieces takes all of them before it repeats itself. */
const STEP = 7_919;

/** Text in `count` pieces, always the same. */
function textOf(count: number): string[] {
  const pieces = ["The"];
  let state = 1;
  for (let i = 1; i < count; i++) {
    state = (Math.imul(state, 1_103_515_245) + STEP) >>> 0; // the low bits of such a row hardly vary
    pieces.push(i % SENTENCE === 0 ? "." : PIECES[(state >>> 16) % PIECES.length]);
  }
  return pieces;
}
