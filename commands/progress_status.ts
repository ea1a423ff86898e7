/**
 * A job's progress, beside its text.
 *
 * @module
 */

import { type Message, type Progress, progressOf } from "../src/protocol/message.ts";
import { progressLine } from "./progress_bar.ts";
import { clearStatus, status, terminalColumns } from "./terminal.ts";

/** Shows how far a job has come on stderr, where that is a terminal and there is a place for it. */
export class ProgressStatus {
  readonly #shared: boolean;
  #lineOpen = false;
  #progress: Progress | undefined;

  /** `shared`: text goes to the same terminal, where a status would take away the line that is being written. */
  constructor(shared: boolean) {
    this.#shared = shared;
  }

  /** Takes a status away that text would run into; a bar stays where the text goes elsewhere. */
  makeWay(): void {
    if (this.#shared || this.#progress === undefined) clearStatus();
  }

  /** Text was written, of which the last character is a newline or not. */
  wrote({ lineOpen }: { lineOpen: boolean }): void {
    this.#lineOpen = lineOpen;
  }

  /** Shows the last progress that `messages` tell of, or did before; `flush` has the text written that comes before. */
  async show(messages: readonly Message[], flush: () => Promise<void>): Promise<void> {
    const latest = messages.findLast(({ type }) => type === "progress");
    if (latest !== undefined) this.#progress = progressOf(latest);
    if (this.#progress === undefined || !Deno.stderr.isTerminal()) return;
    if (this.#shared && this.#lineOpen || !this.#shared && latest === undefined) return;
    if (this.#shared) await flush();
    status(progressLine(this.#progress, terminalColumns()));
  }
}
