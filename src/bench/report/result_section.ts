/**
 * A result on a page.
 *
 * @module
 */

import type { BenchResult } from "../result.ts";
import { type Fact, summaryOf, type Table } from "../summary/summary.ts";
import type { ChartSheet } from "./chart_sheet.ts";
import { chartsOf } from "./charts.ts";
import { type Highlight, highlightsOf } from "./highlights.ts";
import { type Content, html, type Markup } from "./markup.ts";

/** Where a result stands. */
export interface Place {
  readonly at: number;
  readonly single: boolean;
  readonly sheet: ChartSheet;
}

/** All of one result: what it says, its charts, its tables. */
export function resultSection(result: BenchResult, { at, single, sheet }: Place): Markup {
  const { headline, warnings, notes, facts, tables, remarks } = summaryOf(result);
  return html`
    <section id="result-${String(at)}">
    ${single ? html`<h1>${unbroken(headline)}</h1>` : html`<h2>${unbroken(headline)}</h2>`}
    ${warnings.map((warning) => html`<p class="warning" role="note">${warning}</p>`)}
    ${notes.map((note) => html`<p class="note" role="note">${note}</p>`)}
    ${cards(highlightsOf(result))}
    ${sheet.add(chartsOf(result))}
    <div class="tables">${tables.map(tableMarkup)}</div>
    ${list(
      "How it was measured",
      html`<ul>${remarks.map((remark) => html`<li>${remark}</li>`)}</ul>`,
    )}
    ${list("What was measured", factsMarkup(facts))}
    </section>
  `;
}

/** A figure and its unit stay on one line. */
function unbroken(text: string): string {
  return text.replaceAll(/(\d) (?=\p{L})/gu, "$1\u00a0");
}

function list(title: string, content: Content): Markup {
  return html`<h3>${title}</h3>${content}`;
}

function cards(highlights: readonly Highlight[]): Markup {
  if (highlights.length === 0) return html``;
  const all = highlights.map(({ value, label, colour = "plain" }) =>
    html`
      <div class="${colour}">
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>
    `
  );
  return html`<dl class="cards">${all}</dl>`;
}

function tableMarkup({ caption, columns, rows }: Table): Markup {
  const [label, ...heads] = columns;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="${caption}">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr><th scope="col">${label}</th>${heads.map((head) =>
            html`<th scope="col">${head}</th>`
          )}</tr>
        </thead>
        <tbody>${rows.map(rowMarkup)}</tbody>
      </table>
    </div>
  `;
}

function rowMarkup([label, ...cells]: readonly string[]): Markup {
  const indented = label.startsWith(" ") ? "part" : "whole";
  return html`<tr><th scope="row" class="${indented}">${label.trim()}</th>${
    cells.map((cell) => html`<td>${cell}</td>`)
  }</tr>`;
}

function factsMarkup(facts: readonly Fact[]): Markup {
  const all = facts.map(([name, value]) =>
    html`
      <div>
        <dt>${name}</dt>
        <dd>${name === "command" ? html`<code>${value}</code>` : value}</dd>
      </div>
    `
  );
  return html`<dl class="facts">${all}</dl>`;
}
