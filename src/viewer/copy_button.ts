/// <reference lib="dom" />
/**
 * The button that copies the text.
 *
 * @module
 */

/** How long it says what became of it, ms. */
const TOLD_MS = 2_000;

/** Puts what `text()` has into the clipboard when the button is pressed. Where a browser refuses, the reader can still select. */
export function copyOnClick(button: HTMLButtonElement, text: () => string): void {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Cannot copy";
    }
    setTimeout(() => button.textContent = "Copy", TOLD_MS);
  });
}
