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
 * Passes signals on to the command; each one that asks for its end calls `onEnding`. Who has us ignore SIGHUP (`nohup`)
 * means the command as well.
 */
export class SignalForwarder implements Disposable {
  readonly #handlers: [Deno.Signal, () => void][];

  constructor(child: Pick<Child, "signal">, onEnding: (name: Deno.Signal) => void) {
    const names = FORWARDED.filter((name) => name !== "SIGHUP" || !hangupIgnored());
    this.#handlers = names.map((name) => [name, () => {
      child.signal(name);
      if (ENDING.has(name)) onEnding(name);
    }]);
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
