/// <reference lib="dom" />
/**
 * Keeps the end of the page in sight until the reader looks elsewhere.
 *
 * @module
 */

/** So near to the end, in CSS pixels, is at the end. */
const NEAR = 48;

/** Scrolls along with what grows. Scrolling up ends that; scrolling to the end, or the button, begins it again. */
export class Tail {
  #following = true;
  #top = 0;
  readonly #button: HTMLButtonElement;
  readonly #page = document.documentElement;

  /** `button` is shown while the end is not followed. */
  constructor(button: HTMLButtonElement) {
    this.#button = button;
    button.addEventListener("click", () => {
      this.#set(true);
      this.follow();
    });
    addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Something was added. */
  follow(): void {
    if (!this.#following) return;
    this.#page.scrollTop = this.#page.scrollHeight;
    this.#top = this.#page.scrollTop;
  }

  /** A page that became shorter is at its end, and has not been scrolled up. */
  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#page;
    if (scrollHeight - clientHeight - scrollTop <= NEAR) this.#set(true);
    else if (scrollTop < this.#top) this.#set(false);
    this.#top = scrollTop;
  }

  #set(following: boolean): void {
    this.#following = following;
    this.#button.hidden = following;
  }
}
