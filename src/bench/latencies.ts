/**
 * Many times, in little memory.
 *
 * @module
 */

import * as hdr from "hdr-histogram-js";

/** Largest time that is told apart from larger ones: an hour, µs. */
const LARGEST_US = 3_600_000_000;
const DIGITS = 3;

/** The times that tables and files show, ms; `count` 0 where nothing was measured, and all others 0 then. */
export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** A summary with all it was made from, for charts and for merging. */
export interface StoredLatencies extends LatencySummary {
  /** The histogram in HdrHistogram's compressed V2 encoding, base64; its unit is µs. */
  readonly histogram: string;
}

/**
 * A histogram of times from 1 µs to an hour, exact to three digits, in some 200 kB whatever the number of times.
 *
 * @example
 * ```ts
 * import { Latencies } from "./latencies.ts";
 * import assert from "node:assert/strict";
 *
 * const latencies = new Latencies();
 * for (const ms of [1, 2, 3, 400]) latencies.record(ms);
 * assert.equal(latencies.percentile(50), 2);
 * assert.equal(latencies.count, 4);
 * ```
 */
export class Latencies {
  readonly #histogram: hdr.Histogram;

  constructor(histogram: hdr.Histogram = empty()) {
    this.#histogram = histogram;
  }

  /** Reads what {@linkcode Latencies.stored} wrote. */
  static from(stored: Pick<StoredLatencies, "histogram">): Latencies {
    return new Latencies(hdr.decodeFromCompressedBase64(stored.histogram, 64, false));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Counts a time in ms; below 1 µs it counts as 1 µs, above an hour as an hour. */
  record(ms: number): void {
    this.#histogram.recordValue(Math.min(LARGEST_US, Math.max(1, Math.round(ms * 1000))));
  }

  /** Adds what `other` has counted. */
  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  /** The time, ms, that `percent` of all times do not exceed; 0 where nothing was counted. */
  percentile(percent: number): number {
    if (this.count === 0) return 0;
    const value = this.#histogram.getValueAtPercentile(percent); // the most that is not told apart from it
    return Math.min(value, this.#histogram.maxValue) / 1000;
  }

  /** The times that were counted, ms, ascending, each with how often it was; those that are not told apart are one. */
  *counts(): Generator<{ ms: number; count: number }> {
    const histogram = this.#histogram;
    if (!(histogram instanceof hdr.JsHistogram)) {
      throw new TypeError("histograms are made without WebAssembly");
    }
    const values = histogram.recordedValuesIterator;
    values.reset();
    while (values.hasNext()) {
      const { valueIteratedTo, countAddedInThisIterationStep } = values.next();
      yield { ms: valueIteratedTo / 1000, count: countAddedInThisIterationStep };
    }
  }

  summary(): LatencySummary {
    const { count } = this;
    if (count === 0) {
      return { count, min: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
    }
    const { minNonZeroValue, mean, stdDeviation, maxValue } = this.#histogram;
    return {
      count,
      min: minNonZeroValue / 1000,
      mean: mean / 1000,
      stddev: stdDeviation / 1000,
      p50: this.percentile(50),
      p90: this.percentile(90),
      p99: this.percentile(99),
      p999: this.percentile(99.9),
      max: maxValue / 1000,
    };
  }

  stored(): StoredLatencies {
    return { ...this.summary(), histogram: hdr.encodeIntoCompressedBase64(this.#histogram) };
  }
}

function empty(): hdr.Histogram {
  return hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LARGEST_US,
    numberOfSignificantValueDigits: DIGITS,
    bitBucketSize: 64,
    useWebAssembly: false,
  });
}
