/**
 * What went wrong with the connections of a load.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { Loss } from "./worker_job.ts";

/**
 * Counts why connections were lost, each reason once.
 *
 * @example
 * ```ts
 * import { RelayError } from "../errors.ts";
 * import { Losses } from "./losses.ts";
 * import assert from "node:assert/strict";
 *
 * const losses = new Losses();
 * losses.count(new RelayError("limit", "no room"));
 * losses.count(new RelayError("limit", "no room"));
 * assert.deepEqual(losses.all, [{ code: "limit", message: "no room", count: 2 }]);
 * ```
 */
export class Losses {
  readonly #byMessage = new Map<string, Loss>();

  /** One more connection was lost. */
  count({ code, message }: RelayError): void {
    const { count = 0 } = this.#byMessage.get(message) ?? {};
    this.#byMessage.set(message, { code, message, count: count + 1 });
  }

  /** In the order in which they first came. */
  get all(): readonly Loss[] {
    return [...this.#byMessage.values()];
  }
}
