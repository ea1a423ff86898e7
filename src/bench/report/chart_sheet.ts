/**
 * The charts of a page.
 *
 * @module
 */

import type { Chart } from "./chart.ts";
import { html, type Markup } from "./markup.ts";

/** Gathers the charts of the page; each figure knows its own by number. */
export class ChartSheet {
  readonly charts: Chart[] = [];

  /** The figures of `charts`. */
  add(charts: readonly Chart[]): Markup {
    if (charts.length === 0) return html``;
    return html`<div class="charts">${charts.map((chart) => this.#figure(chart))}</div>`;
  }

  #figure(chart: Chart): Markup {
    const number = String(this.charts.push(chart) - 1);
    const { title, caption, alternative, large } = chart;
    return html`
      <figure class="${large ? "large" : "small"}">
        <h3>${title}</h3>
        <div class="chart" role="img" aria-label="${`${title}. ${alternative}`}" data-chart="${number}"></div>
        <figcaption>${caption}</figcaption>
      </figure>
    `;
  }
}
