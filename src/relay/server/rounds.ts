/**
 * Looking after many, some at a time.
 *
 * @module
 */

/**
 * Visits all of a set that changes, in rounds of `shares` equal parts, so that no visit has to wait for thousands of others.
 * Who is there for a whole round is visited once in it; who comes during a round, in that or in the next one.
 *
 * @example
 * ```ts
 * import { Rounds } from "./rounds.ts";
 * import assert from "node:assert/strict";
 *
 * const rounds = new Rounds(new Set(["a", "b", "c"]), 2);
 * const visited: string[] = [];
 * rounds.next((one) => visited.push(one));
 * assert.deepEqual(visited, ["a", "b"]);
 * rounds.next((one) => visited.push(one));
 * assert.deepEqual(visited, ["a", "b", "c"]);
 * ```
 */
export class Rounds<T> {
  readonly #all: Iterable<T> & { readonly size: number };
  readonly #shares: number;
  #share = 0;
  #rest: Iterator<T> = [].values();

  /** `all` iterates as a `Set` does: over what is added and without what is deleted on the way. */
  constructor(all: Iterable<T> & { readonly size: number }, shares: number) {
    this.#all = all;
    this.#shares = shares;
  }

  /** Visits the next share of a round; the last one is all that is left. */
  next(visit: (one: T) => void): void {
    if (this.#share === 0) this.#rest = this.#all[Symbol.iterator]();
    this.#share = (this.#share + 1) % this.#shares;
    const most = this.#share === 0 ? Infinity : Math.ceil(this.#all.size / this.#shares);
    for (let visited = 0; visited < most; visited++) {
      const { done, value } = this.#rest.next();
      if (done) return;
      visit(value);
    }
  }
}
