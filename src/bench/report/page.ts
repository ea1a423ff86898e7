/// <reference lib="dom" />
/**
 * What runs in a report: draws its charts.
 *
 * @module
 */

import type { Chart } from "./chart.ts";
import { Plot } from "./plot.ts";

const charts: Chart[] = JSON.parse(document.getElementById("charts")!.textContent!);
const plots = Array.from(
  document.querySelectorAll<HTMLElement>("[data-chart]"),
  (container) => new Plot(container, charts[Number(container.dataset.chart)]),
);

for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", () => plots.forEach((plot) => plot.redraw()));
}
