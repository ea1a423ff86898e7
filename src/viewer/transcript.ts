/// <reference lib="dom" />
/**
 * All the text that has come, and the two ways to see it.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { RawView } from "./raw_view.ts";
import { RenderedView } from "./rendered_view.ts";
import { Thoughts } from "./thoughts.ts";

/** A part of the text: tokens, what the producer marks as thought, or a word of this page. */
export interface Entry {
  readonly kind: "text" | "thought" | "note";
  readonly text: string;
}

/** Characters that a page takes: some two million tokens, after which a browser is no place to read them. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** Options of {@linkcode Transcript}. */
export interface TranscriptOptions {
  readonly rendered: HTMLElement;
  readonly raw: HTMLElement;
  /** Told the text of each block that will not change. */
  readonly onFinished: (text: string) => void;
}

/** Keeps the text and shows it in one of the views; the other one catches up when it is looked at. */
export class Transcript {
  readonly #elements: TranscriptOptions;
  readonly #entries: Entry[] = [];
  #characters = 0;
  readonly #rendered: RenderedView;
  readonly #rawView: RawView;
  #renderedEntries = 0;
  #rawEntries = 0;
  #raw = false;
  #ended = false;

  constructor(options: TranscriptOptions) {
    this.#elements = options;
    this.#rendered = new RenderedView(options.rendered, options.onFinished);
    this.#rawView = new RawView(options.raw);
  }

  /** @throws {RelayError} `limit` where it is too much for a page. */
  add(entry: Entry): void {
    this.#characters += entry.text.length;
    if (this.#characters > MAX_CHARACTERS) {
      throw new RelayError(
        "limit",
        "This is too long for a page: read the rest with `streamrelay consume`",
        { lasting: true },
      );
    }
    this.#entries.push(entry);
  }

  /** Nothing follows. */
  end(): void {
    this.#ended = true;
  }

  /** Whether the text is seen as it came. */
  get raw(): boolean {
    return this.#raw;
  }

  set raw(raw: boolean) {
    this.#raw = raw;
    this.#elements.raw.hidden = !raw;
    this.#elements.rendered.hidden = raw;
  }

  /** The text as it is seen, for the clipboard: Markdown without thoughts, or all as it came. */
  get copy(): string {
    if (this.#raw) {
      return this.#entries.map(({ kind, text }) => kind === "note" ? "" : text).join("");
    }
    let thoughts = new Thoughts();
    let answer = "";
    for (const { kind, text } of this.#entries) {
      if (kind === "note") thoughts = new Thoughts();
      if (kind !== "text") continue;
      for (const piece of thoughts.feed(text)) if (piece.kind === "answer") answer += piece.text;
    }
    return answer;
  }

  /** Renders until `deadline`, of `performance.now()`; whether all of it is there. */
  render(deadline: number): boolean {
    if (this.#raw) return this.#renderRaw(deadline);
    for (; this.#renderedEntries < this.#entries.length; this.#renderedEntries++) {
      const { kind, text } = this.#entries[this.#renderedEntries];
      this.#rendered[kind](text);
    }
    if (this.#ended) this.#rendered.end();
    return this.#rendered.render(deadline);
  }

  #renderRaw(deadline: number): boolean {
    while (this.#rawEntries < this.#entries.length && performance.now() < deadline) {
      const { kind, text } = this.#entries[this.#rawEntries++];
      this.#rawView.append(kind === "note" ? `\n[${text}]\n` : text);
    }
    return this.#rawEntries === this.#entries.length;
  }
}
