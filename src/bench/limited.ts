/**
 * Waiting for what may take too long.
 *
 * @module
 */

/**
 * Resolves when `promise` does, after `ms` at the latest; to whether it did. Rejects as it does.
 *
 * @example
 * ```ts
 * import { limited } from "./limited.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(await limited(Promise.resolve(), 1_000), true);
 * assert.equal(await limited(new Promise(() => {}), 1), false);
 * ```
 */
export async function limited(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer;
  const limit = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}
