/**
 * `streamrelay bench compare`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import type { Comparison } from "../src/bench/compare.ts";
import type { BenchResult } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { print } from "./bench_output.ts";

/** Compares two results. */
export function benchCompareCommand() {
  return new Command("compare")
    .description("say how two results of the bench differ, and whether that is more than noise")
    .argument("<a>", "file with the JSON of a run")
    .argument("<b>", "file with the JSON of another run of the same command")
    .option("--json", "print the ratios as JSON")
    .addHelpText(
      "after",
      `
Examples:
  streamrelay bench load --json > before.json
  streamrelay bench load --json > after.json
  streamrelay bench compare before.json after.json`,
    )
    .action(async (a, b, { json }) => {
      const { readResult } = await import("./bench_files.ts");
      const comparison = await compare([a, await readResult(a)], [b, await readResult(b)]);
      await print(
        json ? `${JSON.stringify(comparison)}\n` : await comparisonText(comparison, a, b),
      );
    });
}

type Named = [path: string, result: BenchResult];

async function compare([nameA, a]: Named, [nameB, b]: Named): Promise<Comparison> {
  const { compareResults } = await import("../src/bench/compare.ts");
  try {
    return compareResults(a, b);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const message = `Cannot compare ${nameA} with ${nameB}: ${error.message}`;
    throw new RelayError(error.code, message, { cause: error });
  }
}

/** The comparison of the files `a` and `b` in words. */
export async function comparisonText(
  comparison: Comparison,
  a: string,
  b: string,
): Promise<string> {
  const { comparisonRemarks, comparisonTable } = await import(
    "../src/bench/summary/comparison_words.ts"
  );
  const { factsText, tableText, wrap } = await import("./bench_table.ts");
  const files = factsText([["A", a], ["B", b]]);
  const remarks = comparisonRemarks(comparison).map((remark) => wrap(remark)).join("\n");
  return `${files}\n\n${tableText(comparisonTable(comparison))}\n\n${remarks}\n`;
}
