/// <reference lib="dom" />
/**
 * Asks the reader for what a channel cannot be read without.
 *
 * @module
 */

import type { Screen } from "./screen.ts";

/** What is missing, or wrong. */
export type Wanted = "key" | "credential";

const LABELS: Record<Wanted, string> = {
  key: "Encryption key (it stays in this browser)",
  credential: "Token or secret of the relay",
};

/** Resolves with what the reader gives. It is kept nowhere: a reload asks again. */
export function askFor(wanted: Wanted, { ask, askLabel, askInput }: Screen): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  askLabel.textContent = LABELS[wanted];
  askInput.value = "";
  ask.hidden = false;
  askInput.focus();
  const submit = (event: Event) => {
    event.preventDefault();
    const given = askInput.value.trim();
    if (given === "") return;
    ask.removeEventListener("submit", submit);
    ask.hidden = true;
    askInput.value = "";
    resolve(given);
  };
  ask.addEventListener("submit", submit);
  return promise;
}
