/**
 * The stretches of a run that can be held against each other.
 *
 * @module
 */

import type { LoadResult, LoadSlice } from "./result.ts";

/** Ends of stretches are as exact as timers are; as a part of the run. */
const TOLERANCE = 1.01;

/**
 * The stretches in which there was the load that was asked for; what came after it, and the end of a replay, is less. All
 * of them where none is whole.
 */
export function wholeStretches({ settings, slices }: LoadResult): readonly LoadSlice[] {
  const whole = settings.late
    ? slices.slice(0, -1)
    : slices.filter(({ atMs }) => atMs <= settings.durationMs * TOLERANCE);
  return whole.length === 0 ? slices : whole;
}

/** How long each of `slices`, which begin with the run, lasts, ms. */
export function lengthsOf(slices: readonly LoadSlice[]): number[] {
  return slices.map(({ atMs }, at) => atMs - (at === 0 ? 0 : slices[at - 1].atMs));
}
