/**
 * Results beside each other.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { differencesBetween, settingsOf, trustworthy } from "./differences.ts";
import { type Figure, figuresOf } from "./figure.ts";
import { geometricMean, ratioOf } from "./ratio.ts";
import type { BenchResult } from "./result.ts";

/** What B is against A: `unknown` where it cannot be told from noise, or where the figures are not the relay's. */
export type Verdict = "within noise" | "better" | "worse" | "unknown";

/** One figure of both. */
export interface ComparedFigure extends Omit<Figure, "samples"> {
  /** Geometric means of the runs. */
  readonly a: number;
  readonly b: number;
  /** How many runs of A and of B have it. */
  readonly samples: readonly [a: number, b: number];
  /** B / A. */
  readonly ratio: number;
  /** Of the ratio, 95 % confidence; absent where a side has one run alone. */
  readonly interval?: readonly [low: number, high: number];
  /** Where there is one run each: how sure the ratio of these two is. Two others may differ by far more. */
  readonly withinRun?: readonly [low: number, high: number];
  readonly verdict: Verdict;
}

/** Both sides, figure by figure. */
export interface Comparison {
  readonly of: BenchResult["kind"];
  readonly figures: readonly ComparedFigure[];
  /** What differs otherwise, and what else has to be known, a sentence each. */
  readonly notes: readonly string[];
}

/** One or more results of the same kind and settings. */
export type Side = readonly BenchResult[];

/**
 * Compares the runs `a` with the runs `b`. Each run is one sample: runs differ by far more than the stretches of one do, as
 * those have the same process, the same placing of its memory and the same neighbours. With one run on a side there is
 * no verdict.
 *
 * @throws {RelayError} `usage` where kinds differ, or settings within a side.
 *
 * @example
 * ```ts
 * import { compareResults } from "./compare.ts";
 * import { makeTtftResult } from "../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * const runs = [makeTtftResult({}, 1), makeTtftResult({}, 2)];
 * const { figures } = compareResults(runs, runs);
 * assert.ok(figures.every(({ verdict }) => verdict === "within noise"));
 * ```
 */
export function compareResults(a: Side, b: Side): Comparison {
  const [first, ...rest] = [...a, ...b];
  const other = rest.find(({ kind }) => kind !== first.kind);
  if (other !== undefined) {
    throw new RelayError(
      "usage",
      `one is of bench ${first.kind}, the other of bench ${other.kind}`,
    );
  }
  checkSettings("A", a);
  checkSettings("B", b);
  const trusted = [...a, ...b].every(trustworthy);
  const others = new Map(figuresOfSide(b).map((figure) => [figure.name, figure]));
  const figures = figuresOfSide(a).flatMap((figure) => {
    const other = others.get(figure.name);
    return other === undefined ? [] : [compared(figure, other.runs, trusted)];
  });
  return { of: first.kind, figures, notes: differencesBetween(a, b) };
}

/** Runs with other settings are no repetitions. Into how many processes a load was shared out is found anew each time. */
function checkSettings(side: string, [first, ...rest]: Side): void {
  const settings = settingsOf(first);
  for (const other of rest.map(settingsOf)) {
    const names = Object.keys({ ...settings, ...other }).filter((name) => name !== "processes");
    const name = names.find((name) => settings[name] !== other[name]);
    if (name === undefined) continue;
    const values = `${settings[name]} and ${other[name]}`;
    throw new RelayError("usage", `the runs of ${side} are not of the same: ${name} ${values}`);
  }
}

/**
 * @throws {RelayError} `usage` where there is nothing in `result` to compare, naming the file `name` and the field.
 */
export function checkComparable(result: BenchResult, name: string): void {
  const [field, { length }] = partsOf(result);
  if (length === 0) throw new RelayError("usage", `Cannot compare ${name}: its ${field} are empty`);
}

function partsOf(result: BenchResult): [field: string, parts: readonly unknown[]] {
  switch (result.kind) {
    case "ttft":
      return ["runs", result.runs];
    case "load":
      return ["slices", result.slices];
    case "max":
      return ["steps", result.steps];
  }
}

/** A figure of one side: the samples of each run that has it. */
interface SideFigure extends Omit<Figure, "samples"> {
  readonly runs: readonly (readonly number[])[];
}

function figuresOfSide(side: Side): SideFigure[] {
  const byName = new Map<string, SideFigure>();
  for (const { samples, ...figure } of side.flatMap(figuresOf)) {
    const runs = [...byName.get(figure.name)?.runs ?? [], samples];
    byName.set(figure.name, { ...figure, runs });
  }
  return [...byName.values()];
}

function compared(
  { runs, ...figure }: SideFigure,
  others: SideFigure["runs"],
  trusted: boolean,
): ComparedFigure {
  const [a, b] = [runs.map(geometricMean), others.map(geometricMean)];
  const { ratio, interval } = ratioOf(a, b);
  const alone = a.length === 1 && b.length === 1;
  return {
    ...figure,
    a: geometricMean(a),
    b: geometricMean(b),
    samples: [a.length, b.length],
    ratio,
    interval,
    withinRun: alone ? ratioOf(runs[0], others[0]).interval : undefined,
    verdict: trusted ? verdictOf(interval, figure.better) : "unknown",
  };
}

function verdictOf(interval: ComparedFigure["interval"], better: Figure["better"]): Verdict {
  if (interval === undefined) return "unknown";
  const [low, high] = interval;
  if (low <= 1 && 1 <= high) return "within noise";
  return (high < 1) === (better === "lower") ? "better" : "worse";
}
