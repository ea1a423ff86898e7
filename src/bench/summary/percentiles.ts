/**
 * The percentiles that tables show.
 *
 * @module
 */

import { time } from "./figures.ts";
import type { LatencySummary } from "../latencies.ts";

/** A percentile, or the maximum: its name and how a summary has it. */
export type Percentile = readonly [name: string, key: keyof LatencySummary];

/** For some hundred or thousand times, of which no more can be said. */
export const PERCENTILES: readonly Percentile[] = [
  ["p50", "p50"],
  ["p90", "p90"],
  ["p99", "p99"],
  ["max", "max"],
];

/** For the many messages of a load. */
export const FINE_PERCENTILES: readonly Percentile[] = [
  ...PERCENTILES.slice(0, -1),
  ["p99.9", "p999"],
  ["max", "max"],
];

/** A row of a table: `label` and the percentiles of `summary`, `–` where nothing was measured. */
export function percentileRow(
  label: string,
  summary: LatencySummary,
  percentiles = PERCENTILES,
): string[] {
  if (summary.count === 0) return [label, ...percentiles.map(() => "–")];
  return [label, ...percentiles.map(([, key]) => time(summary[key]))];
}

/** The heads of such a table. */
export function percentileColumns(label: string, percentiles = PERCENTILES): string[] {
  return [label, ...percentiles.map(([name]) => name)];
}
