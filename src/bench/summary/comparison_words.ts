/**
 * What a comparison says.
 *
 * @module
 */

import type { ComparedFigure, Comparison } from "../compare.ts";
import type { Quantity } from "../figure.ts";
import type { BenchResult } from "../result.ts";
import { bytes, digits, rate, times } from "./figures.ts";
import type { Table } from "./summary.ts";

/** Below this, a per cent says more than a factor. */
const LEAST_FACTOR = 1.095;

/** What B is when its figure is larger, and when it is smaller. */
const WORDS: Record<Exclude<Quantity, "rate">, readonly [larger: string, smaller: string]> = {
  time: ["slower", "faster"],
  cost: ["dearer", "cheaper"],
  memory: ["larger", "smaller"],
};

const SAMPLES: Record<BenchResult["kind"], string> = {
  ttft: "Figures are geometric means of the runs, taken as independent",
  load: "Figures are geometric means of the stretches of a run (batch means, taken as independent)",
  max: "The largest load was found once on either side",
};

const ALONE =
  "Where there is one measurement alone there is no interval: the difference may be noise.";

/** How figures were made, a sentence each. */
export function comparisonRemarks({ of, figures, notes }: Comparison): string[] {
  const intervals = figures.some(({ interval }) => interval !== undefined);
  const unsure = figures.some(({ interval }) => interval === undefined);
  return [
    `${SAMPLES[of]}${intervals ? "; intervals hold 95 %: Welch's t, of logarithms" : ""}.`,
    ...(unsure ? [ALONE] : []),
    ...notes,
  ];
}

/** The figures, and what B is against A. */
export function comparisonTable({ figures }: Comparison): Table {
  return {
    caption: "B against A",
    columns: ["figure", "A", "B", "B against A"],
    rows: figures.map((figure) => [
      figure.name,
      ...shownFigures(figure),
      verdictWords(figure),
    ]),
  };
}

function shownFigures({ quantity, a, b }: ComparedFigure): string[] {
  switch (quantity) {
    case "time":
      return times([a, b]);
    case "rate":
      return [a, b].map((value) => `${rate(value)}/s`);
    case "cost":
      return [a, b].map((value) => `${digits(value)} µs`);
    case "memory":
      return [a, b].map(bytes);
  }
}

/** Like `within noise (0.98–1.03)`, `B is 1.32 times slower (1.11–1.54)`. */
export function verdictWords({ quantity, ratio, interval, verdict }: ComparedFigure): string {
  if (verdict === "within noise") return `within noise (${noise(interval!)})`;
  if (ratio === 1) return "the same";
  const times = Math.max(ratio, 1 / ratio);
  const range = interval?.map((end) => ratio > 1 ? end : 1 / end).sort((a, b) => a - b);
  const sure = range === undefined ? "no interval" : rangeWords(times, range);
  return `${sentence(quantity, ratio)} (${sure})`;
}

function sentence(quantity: Quantity, ratio: number): string {
  const times = Math.max(ratio, 1 / ratio);
  const few = times < LEAST_FACTOR;
  const amount = few ? `${percent(times)} %` : `${twoDigits(times)} times`;
  if (quantity !== "rate") return `B is ${amount} ${WORDS[quantity][ratio > 1 ? 0 : 1]}`;
  return `${ratio > 1 ? "B" : "A"} carries ${amount} ${few ? "more" : "as much"}`;
}

const percent = (value: number) => digits(100 * (value - 1), 1);
const twoDigits = (value: number) => digits(value, 2);

function rangeWords(times: number, range: readonly number[]): string {
  if (times < LEAST_FACTOR) return `${range.map(percent).join("–")} %`;
  return range.map(twoDigits).join("–");
}

/** With as many digits as it takes to tell the ends apart. */
function noise([low, high]: readonly [number, number]): string {
  const decimals = high - low < 0.02 ? 3 : 2;
  return `${low.toFixed(decimals)}–${high.toFixed(decimals)}`;
}
