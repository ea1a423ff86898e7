/**
 * The charts of any result.
 *
 * @module
 */

import type { BenchResult } from "../result.ts";
import type { Chart } from "./chart.ts";
import { loadCharts } from "./load_charts.ts";
import { maxCharts } from "./max_charts.ts";
import { ttftCharts } from "./ttft_charts.ts";

/** The charts of `result`; none of what was not measured. */
export function chartsOf(result: BenchResult): Chart[] {
  switch (result.kind) {
    case "ttft":
      return ttftCharts(result);
    case "load":
      return loadCharts(result);
    case "max":
      return maxCharts(result);
  }
}
