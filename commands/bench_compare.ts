/**
 * `streamrelay bench compare`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import type { Comparison } from "../src/bench/compare.ts";
import type { BenchResult } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { print, proseColumns } from "./bench_output.ts";

/** Compares results. */
export function benchCompareCommand() {
  return new Command("compare")
    .description("say how results of the bench differ, and whether that is more than noise")
    .argument("<file...>", "files with the JSON of runs: A and B, or with --to all of A")
    .option("--to <file...>", "files with the JSON of the runs of B, three or more as of A")
    .option("--json", "print the ratios as JSON")
    .addHelpText(
      "after",
      `
Two runs of the same differ, so that one run of each says nothing: a verdict takes two on either side, and three or more to
see small differences. Run both in turn, so that what changes on the machine meanwhile reaches both.

Examples:
  for n in 1 2 3; do
    old/streamrelay bench load --json > old$n.json
    new/streamrelay bench load --json > new$n.json
  done
  streamrelay bench compare old*.json --to new*.json
  streamrelay bench compare before.json after.json     the ratios, without a verdict`,
    )
    .action(async (files, { to, json }) => {
      const [a, b] = sidesOf(files, to);
      const comparison = await compare(a, b);
      await print(
        json ? `${JSON.stringify(comparison)}\n` : await comparisonText(comparison, a, b),
      );
    });
}

/** Paths of the files of A and of B. @throws {RelayError} `usage` where it is not clear which is which. */
function sidesOf(files: readonly string[], to: readonly string[] | undefined): Paths[] {
  if (to === undefined && files.length !== 2) {
    const message = "Give two files, or the files of A, --to, and those of B";
    throw new RelayError("usage", message);
  }
  const sides = to === undefined ? [[files[0]], [files[1]]] : [files, to];
  for (const side of sides) {
    const twice = side.find((path, at) => side.indexOf(path) < at);
    if (twice !== undefined) {
      throw new RelayError("usage", `${twice} is given twice: it is one run`);
    }
  }
  return sides;
}

type Paths = readonly string[];

async function compare(a: Paths, b: Paths): Promise<Comparison> {
  const { compareResults } = await import("../src/bench/compare.ts");
  const [resultsA, resultsB] = [await readAll(a), await readAll(b)];
  try {
    return compareResults(resultsA, resultsB);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const message = `Cannot compare ${a.join(", ")} with ${b.join(", ")}: ${error.message}`;
    throw new RelayError(error.code, message, { cause: error });
  }
}

async function readAll(paths: Paths): Promise<BenchResult[]> {
  const { checkComparable } = await import("../src/bench/compare.ts");
  const { readResult } = await import("./bench_files.ts");
  return await Promise.all(paths.map(async (path) => {
    const result = await readResult(path);
    checkComparable(result, path);
    return result;
  }));
}

/** The comparison of the files `a` and `b` in words. */
export async function comparisonText(
  comparison: Comparison,
  a: Paths,
  b: Paths,
): Promise<string> {
  const { comparisonRemarks, comparisonTable } = await import(
    "../src/bench/summary/comparison_words.ts"
  );
  const { labelOf } = await import("../src/bench/differences.ts");
  const { factsText, tableText, wrap } = await import("./bench_table.ts");
  const named = (side: string, paths: Paths) =>
    paths.map((path, at): [string, string] => [labelOf(side, at, paths.length), path]);
  const columns = await proseColumns();
  const blocks = [
    factsText([...named("A", a), ...named("B", b)], columns),
    ...(comparison.figures.length === 0 ? [] : [tableText(comparisonTable(comparison), columns)]),
    comparisonRemarks(comparison).map((remark) => wrap(remark, { columns })).join("\n"),
  ];
  return `${blocks.join("\n\n")}\n`;
}
