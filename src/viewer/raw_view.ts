/// <reference lib="dom" />
/**
 * Text on the page as it came.
 *
 * @module
 */

/** Characters in one element: a browser lays out all of an element again when text is added to it. */
const PART = 8 * 1024;
/** A line is broken in two where it is longer than so many characters. */
const MAX_PART = 64 * 1024;

/** Writes text into elements of bounded size; a new one begins with a line. */
export class RawView {
  readonly #container: HTMLElement;
  #part: Text | undefined;

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  /** Adds text to what is there. */
  append(text: string): void {
    while (text !== "") {
      const part = this.#part ??= this.#newPart();
      const end = part.length < PART ? undefined : endOfLine(text, MAX_PART - part.length);
      part.appendData(text.slice(0, end));
      text = end === undefined ? "" : text.slice(end);
      if (end !== undefined && (part.data.endsWith("\n") || part.length >= MAX_PART)) {
        this.#part = undefined;
      }
    }
  }

  #newPart(): Text {
    const text = document.createTextNode("");
    const element = document.createElement("div");
    element.append(text);
    this.#container.append(element);
    return text;
  }
}

/** Where the first line of `text` ends, at `limit` at the latest. */
function endOfLine(text: string, limit: number): number {
  const newline = text.indexOf("\n");
  return newline < 0 || newline >= limit ? limit : newline + 1;
}
