/**
 * What time is measured with.
 *
 * @module
 */

/** Readings that are looked at. */
const STEPS = 200;

/**
 * The smallest step in which `performance.now()` was seen to go forward, ms; what is measured is no finer.
 *
 * @example
 * ```ts
 * import { clockResolutionMs } from "./clock.ts";
 * import assert from "node:assert/strict";
 *
 * assert.ok(clockResolutionMs() > 0);
 * ```
 */
export function clockResolutionMs(): number {
  let smallest = Infinity;
  for (let steps = 0; steps < STEPS; steps++) {
    const before = performance.now();
    let after = before;
    while (after === before) after = performance.now();
    smallest = Math.min(smallest, after - before);
  }
  return smallest;
}
