/// <reference lib="dom" />
/**
 * Reads the text out to those who do not see it.
 *
 * @module
 */

/** Between two announcements, ms: a screen reader finishes the one before. */
const INTERVAL_MS = 4_000;
/** Characters of one announcement; the text itself is there to be read. */
const MAX_LENGTH = 400;

/**
 * Hands finished blocks to a polite live region. Tokens would be read one by one, and a block that is rendered anew again
 * and again; and where text comes faster than anybody speaks, a queue would grow without end: it is cut, and said to be.
 */
export class Announcer {
  readonly #region: HTMLElement;
  #waiting = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /** Says it when there is time. */
  say(text: string): void {
    if (this.#waiting.length < MAX_LENGTH) this.#waiting += ` ${text.trim()}`;
    this.#timer ??= setTimeout(() => this.#announce(), this.#region.textContent ? INTERVAL_MS : 0);
  }

  #announce(): void {
    const text = this.#waiting.trim();
    this.#region.textContent = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)} …` : text;
    this.#waiting = "";
    this.#timer = undefined;
  }
}
