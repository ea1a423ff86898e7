/// <reference lib="dom" />
/**
 * The text on the page as Markdown, with what the model thinks folded.
 *
 * @module
 */

import { MarkdownView } from "./markdown_view.ts";
import { type Piece, Thoughts } from "./thoughts.ts";

/** Sections of the text, each rendered on its own. */
export class RenderedView {
  readonly #container: HTMLElement;
  readonly #onFinished: (text: string) => void;
  #thoughts = new Thoughts();
  /** The section that what comes next belongs to. */
  #section: { readonly kind: Piece["kind"]; readonly view: MarkdownView } | undefined;
  /** Sections that are not all rendered yet. */
  readonly #unfinished = new Set<MarkdownView>();

  /** `onFinished` is told the text of each block of the answer that will not change. */
  constructor(container: HTMLElement, onFinished: (text: string) => void) {
    this.#container = container;
    this.#onFinished = onFinished;
  }

  /** Takes tokens. */
  text(text: string): void {
    for (const piece of this.#thoughts.feed(text)) this.#append(piece);
  }

  /** Takes what the producer itself marks as thought. */
  thought(text: string): void {
    this.#append({ kind: "thought", text });
  }

  /** Says something that is not the stream's; what follows is a text of its own. */
  note(text: string): void {
    this.end();
    this.#thoughts = new Thoughts();
    this.#section = undefined;
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = text;
    this.#container.append(note);
  }

  /** Nothing follows. */
  end(): void {
    for (const piece of this.#thoughts.end()) this.#append(piece);
  }

  /** Renders until `deadline`, of `performance.now()`; whether all of it is there. */
  render(deadline: number): boolean {
    for (const view of this.#unfinished) {
      if (!view.render(deadline)) return false;
      this.#unfinished.delete(view);
    }
    return true;
  }

  #append({ kind, text }: Piece): void {
    if (this.#section?.kind !== kind) this.#section = { kind, view: this.#newView(kind) };
    this.#section.view.append(text);
    this.#unfinished.add(this.#section.view);
  }

  #newView(kind: Piece["kind"]): MarkdownView {
    if (kind === "thought") return new MarkdownView(this.#newThought());
    const section = document.createElement("section");
    this.#container.append(section);
    return new MarkdownView(section, this.#onFinished);
  }

  #newThought(): HTMLElement {
    const details = document.createElement("details");
    details.className = "thought";
    const summary = document.createElement("summary");
    summary.textContent = "Reasoning";
    const body = document.createElement("div");
    details.append(summary, body);
    this.#container.append(details);
    return body;
  }
}
