/**
 * Who is in the relay.
 *
 * @module
 */

/**
 * A set of those who were let in, which says when the last one has left.
 *
 * @example
 * ```ts
 * import { Occupants } from "./occupants.ts";
 *
 * const occupants = new Occupants<string>();
 * occupants.add("a client");
 * setTimeout(() => occupants.delete("a client"), 1);
 * await occupants.gone();
 * ```
 */
export class Occupants<T> implements Iterable<T> {
  readonly #all = new Set<T>();
  readonly #waiting: (() => void)[] = [];

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** One was let in. */
  add(one: T): void {
    this.#all.add(one);
  }

  /** One has left. */
  delete(one: T): void {
    this.#all.delete(one);
    if (this.#all.size === 0) this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  /** Resolves when there is nobody. */
  async gone(): Promise<void> {
    if (this.#all.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.values();
  }
}
