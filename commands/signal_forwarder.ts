/**
 * Signals for a command that we run.
 *
 * @module
 */

import type { Child } from "./child.ts";
import { hangupIgnored } from "./hangup.ts";

/** Signals that a scheduler or a user may send, and that the command may know what to do with. */
const FORWARDED: Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
/** Those after which the command is to end. */
const ENDING: ReadonlySet<Deno.Signal> = new Set<Deno.Signal>([
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
]);

/**
 * Passes signals on to a command. One that asks for its end before it has been started is passed on as soon as it is: it
 * would end us, and leave behind what is about to run, and consumers without a word. Others that come so early would
 * end a command that is not prepared yet. Who has us ignore SIGHUP (`nohup`) means the command as well.
 */
export class SignalForwarder implements Disposable {
  #child: Pick<Child, "signal"> | undefined;
  readonly #early: Deno.Signal[] = [];
  readonly #handlers: [Deno.Signal, () => void][];

  /** Each signal that asks for the command's end calls `onEnding`. */
  constructor(onEnding: () => void) {
    const names = FORWARDED.filter((name) => name !== "SIGHUP" || !hangupIgnored());
    this.#handlers = names.map((name) => [name, () => {
      this.#child?.signal(name);
      if (!ENDING.has(name)) return;
      if (this.#child === undefined) this.#early.push(name);
      onEnding();
    }]);
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  /** The command has been started: it gets the signals from now on, and those that asked for its end before. */
  forwardTo(child: Pick<Child, "signal">): void {
    this.#child = child;
    for (const name of this.#early.splice(0)) child.signal(name);
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
