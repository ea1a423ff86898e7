/**
 * Charts of histograms of times.
 *
 * @module
 */

import type { StoredLatencies } from "../latencies.ts";
import { time } from "../summary/figures.ts";
import { type Axis, type Chart, type Colour, placeOn } from "./chart.ts";
import { barsOf, curvesOf } from "./distribution.ts";

/** Times with the name they have in the chart. */
export interface NamedTimes {
  readonly name: string;
  readonly times: StoredLatencies;
  readonly colour: Colour;
}

/** What a chart says beside its lines. */
export interface Texts {
  readonly title: string;
  readonly caption: string;
}

/** What a histogram says, and how its times are spread. */
export interface HistogramTexts extends Texts {
  /** Default `log`, for times that differ by factors. */
  readonly scale?: "linear" | "log";
}

/** Title and caption, and the histograms: the first as bars, others as lines. None where nothing was measured. */
export function histogramChart(
  { scale = "log", ...texts }: HistogramTexts,
  all: readonly NamedTimes[],
): Chart[] {
  const named = all.filter(({ times }) => times.count > 0);
  if (named.length === 0) return [];
  const { places, parts } = barsOf(named.map(({ times }) => times), scale);
  return [{
    ...texts,
    alternative: `Histogram. ${named.map(inWords).join(" ")}`,
    x: { label: "time", scale, unit: "ms" },
    y: { label: "of all", scale: "linear", unit: "share" },
    xs: places,
    series: named.map(({ name, colour }, at) => ({
      name,
      colour,
      values: parts[at],
      style: at === 0 ? "bars" : "line",
    })),
  }];
}

const TIME: Axis = { label: "time", scale: "log", unit: "ms" };

/** The curves: how long the fastest so many per cent take. */
export function percentileChart(texts: Texts, all: readonly NamedTimes[]): Chart[] {
  const named = all.filter(({ times }) => times.count > 0);
  if (named.length === 0) return [];
  const { nines, times } = curvesOf(named.map(({ times }) => times));
  return [{
    ...texts,
    alternative: `Percentile curve. ${named.map(inWords).join(" ")}`,
    x: { label: "percentile", scale: "nines", unit: "share" },
    y: TIME,
    xs: nines,
    series: named.map(({ name, colour }, at) => ({
      name,
      colour,
      values: times[at].map((ms) => ms === null ? null : placeOn(TIME, ms)),
      style: "line",
    })),
  }];
}

function inWords({ name, times: { p50, p90, p99, max } }: NamedTimes): string {
  const [half, most, nearly, all] = [p50, p90, p99, max].map(time);
  return `${name}: half within ${half}, 90 % within ${most}, 99 % within ${nearly}, all within ${all}.`;
}
