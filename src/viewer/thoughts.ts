/**
 * What a model thinks, told from what it answers.
 *
 * @module
 */

/** A piece of the text. */
export interface Piece {
  readonly kind: "answer" | "thought";
  readonly text: string;
}

const OPENING = ["<think>", "<thinking>"];
const CLOSING: Record<string, string> = { "<think>": "</think>", "<thinking>": "</thinking>" };

/**
 * Splits tokens where reasoning models write their tags. Only a tag that begins the text opens a thought: further on it is
 * something that the answer talks about.
 *
 * @example
 * ```ts
 * import { Thoughts } from "./thoughts.ts";
 * import assert from "node:assert/strict";
 *
 * const thoughts = new Thoughts();
 * assert.deepEqual(thoughts.feed("<thi"), []);
 * assert.deepEqual(thoughts.feed("nk>Hm.</think>Yes."), [
 *   { kind: "thought", text: "Hm." },
 *   { kind: "answer", text: "Yes." },
 * ]);
 * ```
 */
export class Thoughts {
  /** Before the first character that is no space; within a thought; after it. */
  #state: "start" | "thought" | "answer" = "start";
  #closing = "";
  /** What may be the beginning of a tag. */
  #held = "";

  /** Takes a token; returns what it is made of. */
  feed(token: string): Piece[] {
    if (this.#state === "answer") return piece("answer", token);
    const text = this.#held + token;
    this.#held = "";
    return this.#state === "start" ? this.#start(text) : this.#thought(text);
  }

  /** Nothing follows: hands out what was held back. */
  end(): Piece[] {
    const text = this.#held;
    this.#held = "";
    return piece(this.#state === "thought" ? "thought" : "answer", text);
  }

  #start(text: string): Piece[] {
    const begun = text.trimStart();
    const tag = OPENING.find((tag) => begun.startsWith(tag));
    if (tag !== undefined) {
      this.#state = "thought";
      this.#closing = CLOSING[tag];
      return this.#thought(begun.slice(tag.length));
    }
    if (OPENING.some((tag) => tag.startsWith(begun)) && text.length < MAX_HELD) {
      this.#held = text;
      return [];
    }
    this.#state = "answer";
    return piece("answer", text);
  }

  #thought(text: string): Piece[] {
    const at = text.indexOf(this.#closing);
    if (at >= 0) {
      this.#state = "answer";
      const rest = text.slice(at + this.#closing.length);
      return [...piece("thought", text.slice(0, at)), ...piece("answer", rest)];
    }
    const kept = partialEnd(text, this.#closing);
    this.#held = text.slice(text.length - kept);
    return piece("thought", text.slice(0, text.length - kept));
  }
}

/** Characters of white space before the first tag that are held back. */
const MAX_HELD = 1024;

/** How many characters at the end of `text` may begin `tag`. */
function partialEnd(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}

function piece(kind: Piece["kind"], text: string): Piece[] {
  return text === "" ? [] : [{ kind, text }];
}
