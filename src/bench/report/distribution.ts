/**
 * Histograms, decoded for charts.
 *
 * @module
 */

import { Latencies, type StoredLatencies } from "../latencies.ts";

/** Bars of a histogram: more, the more times there are (Rice's rule, and some), as few times make ragged bars. */
const FEWEST_BARS = 16;
const MOST_BARS = 56;
const BARS_PER_CUBE_ROOT = 2.5;
/** Histograms tell times apart by a thousandth; bars that are not much wider than that come out ragged. */
const LEAST_WIDTH = 0.004;
/** Points of a percentile curve for each nine. */
const POINTS = 24;
/** What is beyond would leave no room for the rest; percentile curves have it. */
const SHOWN_PERCENT = 99.9;

/** Bars that are equally wide on their axis. */
export interface Bars {
  /** The middle of each bar, as the axis has it: ms, or log10 of it. */
  readonly places: readonly number[];
  /** For each of the histograms, the part of its times that each bar has. */
  readonly parts: readonly (readonly number[])[];
}

/** The bars of several histograms, none of them empty, up to the time that 99.9 % do not exceed. */
export function barsOf(all: readonly StoredLatencies[], scale: "linear" | "log"): Bars {
  const decoded = all.map((stored) => Latencies.from(stored));
  const place = scale === "log" ? Math.log10 : (ms: number) => ms;
  const low = Math.min(...decoded.map((times) => place(times.percentile(0))));
  const high = Math.max(...decoded.map((times) => place(times.percentile(SHOWN_PERCENT))));
  const least = scale === "log" ? Math.log10(1 + LEAST_WIDTH) : LEAST_WIDTH * high;
  const width = Math.max(least, (high - low) / barsFor(decoded));
  const size = Math.floor((high - low) / width) + 1;
  const parts = decoded.map((times) => {
    const bars = Array<number>(size).fill(0);
    for (const { ms, count } of times.counts()) {
      const at = Math.max(0, Math.floor((place(ms) - low) / width));
      if (at < size) bars[at] += count / times.count;
    }
    return bars;
  });
  return { places: Array.from({ length: size }, (_, at) => low + (at + 0.5) * width), parts };
}

function barsFor(all: readonly Latencies[]): number {
  const fewest = Math.min(...all.map(({ count }) => count));
  const wanted = Math.round(BARS_PER_CUBE_ROOT * Math.cbrt(fewest));
  return Math.min(MOST_BARS, Math.max(FEWEST_BARS, wanted));
}

/** A percentile curve: how many nines, and the time, ms, there. */
export interface Curve {
  readonly nines: readonly number[];
  readonly times: readonly (readonly (number | null)[])[];
}

/** The percentile curves of several histograms, each as far as its count can tell. */
export function curvesOf(all: readonly StoredLatencies[]): Curve {
  const decoded = all.map((stored) => ({ ...stored, times: Latencies.from(stored) }));
  const most = Math.max(1, ...all.map(({ count }) => count));
  const size = Math.ceil(Math.log10(most) * POINTS) + 1;
  const nines = Array.from({ length: size }, (_, at) => at / POINTS);
  const times = decoded.map(({ count, times }) =>
    nines.map((nine) => nine > Math.log10(count) ? null : times.percentile(100 * (1 - 10 ** -nine)))
  );
  return { nines, times };
}
