/**
 * A time limit that can be moved.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** Aborts its signal with a `timeout` when its time passes, or along with `parent`. Dispose of it to stop the clock. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #follow = (): void => this.#controller.abort(this.#parent!.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parent?: AbortSignal) {
    this.#parent = parent;
    if (parent?.aborted) this.#follow();
    else parent?.addEventListener("abort", this.#follow, { once: true });
  }

  /** Aborted when the time has passed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives it `ms` from now (no limit where `undefined`), `what` being the message of the error. */
  set(ms: number | undefined, what: string): void {
    clearTimeout(this.#timer);
    if (ms === undefined) return;
    this.#timer = setTimeout(() => this.#controller.abort(new RelayError("timeout", what)), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener("abort", this.#follow);
  }
}
