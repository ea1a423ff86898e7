/**
 * `streamrelay bench report`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { checkReport, writeReport } from "./bench_output.ts";

/** Makes one page of results. */
export function benchReportCommand() {
  return new Command("report")
    .description("make one page with the charts of several results")
    .argument("<result...>", "files with the JSON of runs")
    .requiredOption("--out <file>", "the page")
    .addHelpText(
      "after",
      `
Results of bench load that differ in one number alone get a chart of how cost grows with it.

Examples:
  for n in 1 10 100 1000; do streamrelay bench load --channels $n --json > $n.json; done
  streamrelay bench report 1.json 10.json 100.json 1000.json --out growth.html`,
    )
    .action(async (paths, { out }) => {
      const { readResult } = await import("./bench_files.ts");
      await checkReport(out);
      const results = await Promise.all(paths.map(readResult));
      await writeReport(results, out);
    });
}
