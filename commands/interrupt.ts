/**
 * SIGINT and SIGTERM.
 *
 * @module
 */

import { SIGNAL_EXIT } from "./exit.ts";

/** The reason of an abort by {@linkcode Interrupt}. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly received: Deno.Signal) {
    super(received);
  }

  /** 130 or 143. */
  get exitCode(): number {
    return SIGNAL_EXIT[this.received] ?? 1;
  }
}

const SIGNALS: Deno.Signal[] = ["SIGINT", "SIGTERM"];

/**
 * Turns the first SIGINT or SIGTERM into an abort; the second one ends the process at once. With `before`, the first
 * SIGINT calls that instead, and the next signal aborts, where it returns true.
 */
export class Interrupt implements Disposable {
  #before: (() => boolean) | undefined;
  readonly #controller = new AbortController();
  readonly #handlers = SIGNALS.map((name) => {
    const handler = () => {
      if (this.signal.aborted) Deno.exit(SIGNAL_EXIT[name]);
      const before = this.#before;
      this.#before = undefined;
      if (name === "SIGINT" && before?.()) return;
      this.#controller.abort(new Interrupted(name));
    };
    Deno.addSignalListener(name, handler);
    return { name, handler };
  });

  constructor(before?: () => boolean) {
    this.#before = before;
  }

  /** Aborted with an {@linkcode Interrupted}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What was received, once something was. */
  get received(): Interrupted | undefined {
    return this.signal.aborted ? this.signal.reason : undefined;
  }

  [Symbol.dispose](): void {
    for (const { name, handler } of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
