/**
 * A page with the charts of results, in one file that asks nobody for anything.
 *
 * @module
 */

import { ChartSheet } from "./report/chart_sheet.ts";
import { growthCharts } from "./report/growth.ts";
import { type GrowthGroup, growthGroups } from "./report/growth_groups.ts";
import { html, type Markup } from "./report/markup.ts";
import { pageOf } from "./report/page_shell.ts";
import { resultSection } from "./report/result_section.ts";
import type { BenchResult } from "./result.ts";
import { summaryOf } from "./summary/summary.ts";

/**
 * One HTML page of `results`, at least one. Loads that differ in one number alone, three or more of them, get charts of how
 * cost grows with it.
 *
 * @example
 * ```ts
 * import { reportPage } from "./report.ts";
 * import { makeTtftResult } from "../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * assert.match(reportPage([makeTtftResult()]), /^<!doctype html>/);
 * ```
 */
export function reportPage(results: readonly BenchResult[]): string {
  const sheet = new ChartSheet();
  const single = results.length === 1;
  const groups = growthGroups(results.filter((result) => result.kind === "load"));
  const title = single
    ? `streamrelay bench ${results[0].kind}`
    : `${results.length} results of streamrelay bench`;
  const body = html`
    <header>
      <p>${single ? title : ""}</p>
    </header>
    <main>
      <noscript><p>Charts need JavaScript; the tables have the figures without it.</p></noscript>
    ${single ? [] : html`<h1>${title}</h1>${contents(results)}`}
    ${groups.map((group) => growthSection(group, sheet))}
    ${results.map((result, at) => resultSection(result, { at, single, sheet }))}
    </main>
  `;
  return pageOf({ title, body, charts: sheet.charts });
}

function growthSection(group: GrowthGroup, sheet: ChartSheet): Markup {
  const { subject, label } = group;
  return html`
    <section data-growth="${subject}">
    <h2>How it grows with ${label}</h2>
    ${sheet.add(growthCharts(group))}
    </section>
  `;
}

/** What was asked, what came out, and the way there. */
function contents(results: readonly BenchResult[]): Markup {
  const entries = results.map((result, at) => {
    const { facts: [[, asked]], headline } = summaryOf(result);
    return html`<li><a href="#result-${String(at)}">${asked}</a>: ${headline}</li>`;
  });
  return html`<ol class="contents">${entries}</ol>`;
}
