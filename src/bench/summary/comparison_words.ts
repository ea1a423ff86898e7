/**
 * What a comparison says.
 *
 * @module
 */

import type { ComparedFigure, Comparison } from "../compare.ts";
import type { Quantity } from "../figure.ts";
import { bytes, digits, rate, time } from "./figures.ts";
import type { Table } from "./summary.ts";

/** Below this, a per cent says more than a factor. */
const LEAST_FACTOR = 1.095;

/** What B is when its figure is larger, and when it is smaller. */
const WORDS: Record<Exclude<Quantity, "rate">, readonly [larger: string, smaller: string]> = {
  time: ["slower", "faster"],
  cost: ["dearer", "cheaper"],
  memory: ["larger", "smaller"],
};

const SAMPLES =
  "Figures are geometric means of the runs, each of which is one sample; intervals hold 95 % " +
  "(Welch's t, of logarithms): where nothing differs, one in twenty is not called noise.";

/** What it takes to tell a difference from noise. */
const ONE_RUN =
  "One run each: not told from noise. Two runs differ by more than the parts of one do. Run each " +
  "three times or more, in turn (A, B, A, B …), and compare all: " +
  "streamrelay bench compare A1.json A2.json A3.json --to B1.json B2.json B3.json";
const ONE_RUN_ON_A_SIDE = ONE_RUN.replace("One run each", "One run alone on a side");

/** How figures were made, a sentence each. */
export function comparisonRemarks({ figures, notes }: Comparison): string[] {
  const intervals = figures.some(({ interval }) => interval !== undefined);
  const alone = figures.find(({ interval }) => interval === undefined);
  return [
    ...(intervals ? [SAMPLES] : []),
    ...(alone === undefined ? [] : [remarkOfAlone(alone)]),
    ...notes,
  ];
}

function remarkOfAlone({ samples: [a, b] }: ComparedFigure): string {
  return a === 1 && b === 1 ? ONE_RUN : ONE_RUN_ON_A_SIDE;
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
      return [a, b].map(time);
    case "rate":
      return [a, b].map((value) => `${rate(value)}/s`);
    case "cost":
      return [a, b].map((value) => `${digits(value)} µs`);
    case "memory":
      return [a, b].map(bytes);
  }
}

/** Like `within noise (0.98–1.03)`, `B is 1.32 times slower (1.11–1.54)`, `× 1.32 (within a run 1.1–1.5): no verdict`. */
export function verdictWords(figure: ComparedFigure): string {
  const { quantity, ratio, interval, withinRun, verdict } = figure;
  if (verdict === "within noise") return `within noise (${noise(interval!)})`;
  if (verdict === "unknown") {
    const range = withinRun === undefined ? "" : ` (within a run ${noise(withinRun)})`;
    const known = interval === undefined ? range : ` (${noise(interval)})`;
    return `× ${ratio.toFixed(2)}${known}: no verdict`;
  }
  const times = Math.max(ratio, 1 / ratio);
  const range = interval!.map((end) => ratio > 1 ? end : 1 / end).sort((a, b) => a - b);
  return `${sentence(quantity, ratio)} (${rangeWords(times, range)})`;
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
