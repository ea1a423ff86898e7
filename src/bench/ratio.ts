/**
 * How many times larger: a ratio of means, and how sure it is.
 *
 * @module
 */

// @ts-types="./jstat.d.ts"
import jstat from "jstat";

/** Part of all intervals that hold the true ratio. */
export const CONFIDENCE = 0.95;
/** Histograms tell values apart by a thousandth of them, which spreads them evenly over as much. */
const LEAST_VARIANCE = 0.001 ** 2 / 12;

/** How B stands to A. */
export interface Ratio {
  /** B / A, of geometric means. */
  readonly ratio: number;
  /** Where the true ratio is with 95 % confidence; absent where a side has one sample alone. */
  readonly interval?: readonly [low: number, high: number];
}

/**
 * The ratio of the geometric means of samples `b` and `a`, all above 0, with Welch's interval: that of a difference of
 * means, taken of logarithms, as times and loads spread by factors. Samples need not spread equally, nor be equally many; they
 * have to be independent of each other.
 *
 * @example
 * ```ts
 * import { ratioOf } from "./ratio.ts";
 * import assert from "node:assert/strict";
 *
 * const { ratio, interval } = ratioOf([9, 10, 11], [19, 20, 21]);
 * assert.ok(Math.abs(ratio - 2) < 0.05);
 * assert.ok(interval !== undefined && interval[0] > 1.5 && interval[1] < 2.5);
 * ```
 */
export function ratioOf(a: readonly number[], b: readonly number[]): Ratio {
  const [from, to] = [momentsOf(a), momentsOf(b)];
  const difference = to.mean - from.mean;
  const ratio = Math.exp(difference);
  if (from.size < 2 || to.size < 2) return { ratio };
  const [u, v] = [from.variance / from.size, to.variance / to.size];
  // Welch and Satterthwaite
  const freedom = (u + v) ** 2 / (u ** 2 / (from.size - 1) + v ** 2 / (to.size - 1));
  const half = jstat.studentt.inv((1 + CONFIDENCE) / 2, freedom) * Math.sqrt(u + v);
  return { ratio, interval: [Math.exp(difference - half), Math.exp(difference + half)] };
}

/** The mean that suits what spreads by factors. */
export function geometricMean(samples: readonly number[]): number {
  return Math.exp(momentsOf(samples).mean);
}

function momentsOf(samples: readonly number[]): { size: number; mean: number; variance: number } {
  const logs = samples.map(Math.log);
  const size = logs.length;
  const mean = logs.reduce((sum, log) => sum + log, 0) / size;
  const squares = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
  return { size, mean, variance: Math.max(squares / (size - 1), LEAST_VARIANCE) };
}
