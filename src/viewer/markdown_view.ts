/// <reference lib="dom" />
/**
 * Markdown on the page, while it comes.
 *
 * @module
 */

import { type Block, MarkdownBlocks } from "./markdown_blocks.ts";
import { safeHtml } from "./safe_html.ts";

/** Characters worked on between two looks at the clock. */
const SLICE = 4 * 1024;
/** Blocks in one element, of which a browser lays out only those that are in sight (`content-visibility`). */
const GROUP = 32;
/** The unfinished block is rendered again after this many times what it took: it costs a quarter of the time at most. */
const REST_FACTOR = 3;

/** Renders one text into a container: what is finished once, the last block each time it grows. */
export class MarkdownView {
  readonly #container: HTMLElement;
  readonly #onFinished: (text: string) => void;
  readonly #blocks = new MarkdownBlocks();
  readonly #tail = document.createElement("div");
  #group: HTMLElement | undefined;
  #grouped = 0;
  /** What is still to be rendered. */
  #pending: string[] = [];
  #shownTail = "";
  #notBefore = 0;

  /** `onFinished` is told the text of each finished block. */
  constructor(container: HTMLElement, onFinished: (text: string) => void = () => {}) {
    this.#container = container;
    this.#onFinished = onFinished;
    container.append(this.#tail);
  }

  /** Takes more text, to be rendered later. */
  append(text: string): void {
    for (let at = 0; at < text.length; at += SLICE) this.#pending.push(text.slice(at, at + SLICE));
  }

  /** Renders until `deadline`, of `performance.now()`; whether all of it is there. */
  render(deadline: number): boolean {
    let taken = 0;
    while (taken < this.#pending.length && performance.now() < deadline) {
      // tokens are short: as many as make a slice go in one
      let slice = "";
      while (taken < this.#pending.length && slice.length < SLICE) slice += this.#pending[taken++];
      for (const block of this.#blocks.feed(slice)) this.#finish(block);
    }
    this.#pending = this.#pending.slice(taken);
    return this.#pending.length === 0 && this.#renderTail();
  }

  #finish(block: Block): void {
    const nodes = nodesOf(block);
    this.#onFinished(nodes.textContent ?? "");
    this.#groupFor(block).append(nodes);
    this.#grouped++;
  }

  /** A block that was cut stays together with its other part. */
  #groupFor({ continued }: Block): HTMLElement {
    if (this.#group !== undefined && (continued || this.#grouped < GROUP)) return this.#group;
    this.#group = document.createElement("div");
    this.#group.className = "group";
    this.#grouped = 0;
    this.#container.insertBefore(this.#group, this.#tail);
    return this.#group;
  }

  #renderTail(): boolean {
    const { open } = this.#blocks;
    if (open.source === this.#shownTail) return true;
    const begun = performance.now();
    if (begun < this.#notBefore) return false;
    this.#tail.replaceChildren(nodesOf(open));
    this.#shownTail = open.source;
    const ended = performance.now();
    this.#notBefore = ended + REST_FACTOR * (ended - begun);
    return true;
  }
}

function nodesOf({ source, continued }: Block): DocumentFragment {
  const nodes = safeHtml(source);
  if (continued) nodes.firstElementChild?.classList.add("continued");
  return nodes;
}
