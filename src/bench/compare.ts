/**
 * Two results beside each other.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { differencesBetween } from "./differences.ts";
import { type Figure, figuresOf } from "./figure.ts";
import { geometricMean, ratioOf } from "./ratio.ts";
import type { BenchResult } from "./result.ts";

/** What B is against A: `unknown` where there is no interval to tell it from noise. */
export type Verdict = "within noise" | "better" | "worse" | "unknown";

/** One figure of both. */
export interface ComparedFigure extends Omit<Figure, "samples"> {
  /** Geometric means of the samples. */
  readonly a: number;
  readonly b: number;
  /** How many samples there are of A and of B. */
  readonly samples: readonly [a: number, b: number];
  /** B / A. */
  readonly ratio: number;
  /** Of the ratio, 95 % confidence; absent where a side has one sample alone. */
  readonly interval?: readonly [low: number, high: number];
  readonly verdict: Verdict;
}

/** Both results, figure by figure. */
export interface Comparison {
  readonly of: BenchResult["kind"];
  readonly figures: readonly ComparedFigure[];
  /** What differs otherwise, and what else has to be known, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Compares two results of the same kind. Samples are the runs of `ttft` and the stretches of `load` (batch means, taken as
 * independent); `max` and memory have one figure each, and no interval.
 *
 * @throws {RelayError} `usage` where the kinds differ.
 *
 * @example
 * ```ts
 * import { compareResults } from "./compare.ts";
 * import { makeTtftResult } from "../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * const result = makeTtftResult();
 * const { figures } = compareResults(result, result);
 * assert.ok(figures.every(({ verdict }) => verdict === "within noise"));
 * ```
 */
export function compareResults(a: BenchResult, b: BenchResult): Comparison {
  if (a.kind !== b.kind) {
    throw new RelayError("usage", `one is of bench ${a.kind}, the other of bench ${b.kind}`);
  }
  const others = new Map(figuresOf(b).map((figure) => [figure.name, figure]));
  const figures = figuresOf(a).flatMap((figure) => {
    const other = others.get(figure.name);
    return other === undefined ? [] : [compared(figure, other.samples)];
  });
  return { of: a.kind, figures, notes: differencesBetween(a, b) };
}

function compared({ samples: a, ...figure }: Figure, b: readonly number[]): ComparedFigure {
  const { ratio, interval } = ratioOf(a, b);
  return {
    ...figure,
    a: geometricMean(a),
    b: geometricMean(b),
    samples: [a.length, b.length],
    ratio,
    interval,
    verdict: verdictOf(interval, figure.better),
  };
}

function verdictOf(interval: ComparedFigure["interval"], better: Figure["better"]): Verdict {
  if (interval === undefined) return "unknown";
  const [low, high] = interval;
  if (low <= 1 && 1 <= high) return "within noise";
  return (high < 1) === (better === "lower") ? "better" : "worse";
}
