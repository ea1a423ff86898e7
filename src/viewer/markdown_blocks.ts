/**
 * Text as it grows → blocks of Markdown that grow no more, and the one that still does.
 *
 * @module
 */

import { Lexer } from "marked";

/** A block of Markdown. */
export interface Block {
  readonly source: string;
  /** It goes on where the block before was cut, so it should look like one with it. */
  readonly continued: boolean;
}

/** Characters of a block that still grows, over which it is cut in two: each time it grows all of it is rendered anew. */
const MAX_OPEN = 16 * 1024;

/** The line that opens a fenced code block (CommonMark §4.5). */
const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n/;

/**
 * Cuts Markdown into blocks while it comes, so that only the last one has to be rendered again. A block is finished when
 * another one has begun, which can be told from whole lines only.
 *
 * @example
 * ```ts
 * import { MarkdownBlocks } from "./markdown_blocks.ts";
 * import assert from "node:assert/strict";
 *
 * const blocks = new MarkdownBlocks();
 * assert.deepEqual(blocks.feed("# Title\nSome te"), []);
 * assert.deepEqual(blocks.feed("xt\n"), [{ source: "# Title\n", continued: false }]);
 * assert.equal(blocks.open.source, "Some text\n");
 * ```
 */
export class MarkdownBlocks {
  #open = "";
  #continued = false;
  /** A `\r` at the end of what came, which may be half of a line's end. */
  #held = "";

  /** The block that still grows. */
  get open(): Block {
    return { source: this.#open, continued: this.#continued };
  }

  /** Takes more text; returns the blocks that are finished by it. */
  feed(text: string): Block[] {
    this.#open += this.#lines(text);
    const finished = text.includes("\n") ? this.#finish() : [];
    while (this.#open.length > MAX_OPEN) finished.push(this.#cut());
    return finished;
  }

  /** With `\n` as the only end of a line. */
  #lines(text: string): string {
    const whole = this.#held + text;
    this.#held = whole.endsWith("\r") ? "\r" : "";
    return whole.slice(0, whole.length - this.#held.length).replace(/\r\n?/g, "\n");
  }

  #finish(): Block[] {
    const lines = this.#open.slice(0, this.#open.lastIndexOf("\n") + 1);
    const blocks = new Lexer().blockTokens(lines, []).map(({ type, raw }) => ({ type, raw }));
    const last = blocks.findLastIndex(({ type }) => type !== "space");
    const sources = blocks.slice(0, Math.max(last, 0)).map(({ raw }) => raw);
    if (!lines.startsWith(sources.join(""))) return []; // the lexer rewrote what it read: it is bounded all the same
    return sources.map((source) => this.#take(source)).filter(({ source }) => source.trim() !== "");
  }

  /** Takes what is at the front. */
  #take(source: string): Block {
    const block = { source, continued: this.#continued };
    this.#open = this.#open.slice(source.length);
    if (source.trim() !== "") this.#continued = false;
    return block;
  }

  /** Finishes as much as may be of a block that is too long. */
  #cut(): Block {
    const fence = FENCE.exec(this.#open);
    const least = fence?.[0].length ?? 0;
    // between lines, or else between words
    const at = ["\n", " "].map((gap) => this.#open.lastIndexOf(gap, MAX_OPEN - 1) + 1)
      .find((at) => at > least) ?? MAX_OPEN;
    const block = this.#take(this.#open.slice(0, at));
    this.#continued = true;
    if (fence === null || at <= least) return block;
    this.#open = fence[0] + this.#open;
    return { ...block, source: `${block.source.replace(/\n?$/, "\n")}${fence[1]}\n` };
  }
}
