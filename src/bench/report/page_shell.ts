/**
 * What is around a report.
 *
 * @module
 */

import { REPORT_SCRIPT, REPORT_STYLE } from "../report_assets.ts";
import type { Chart } from "./chart.ts";
import { html, jsonMarkup, Markup } from "./markup.ts";

/** Nothing may be fetched, sent or run but the one script and the one style, by their hashes. */
const POLICY = [
  "default-src 'none'",
  `script-src '${REPORT_SCRIPT.hash}'`,
  `style-src '${REPORT_STYLE.hash}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** So that a browser does not ask a server for one. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 4h9M2 8h12M2 12h6' stroke='%232563eb' stroke-width='2.5' stroke-linecap='round'/%3E%3C/svg%3E";

/** What a page is made of. */
export interface PageParts {
  readonly title: string;
  readonly body: Markup;
  readonly charts: readonly Chart[];
}

/** A whole page. */
export function pageOf({ title, body, charts }: PageParts): string {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <link rel="icon" href="${ICON}">
        ${element("style", REPORT_STYLE.body)}
      </head>
      <body>${body}
    <script type="application/json" id="charts">${jsonMarkup(charts)}</script>
    ${element("script", REPORT_SCRIPT.body)}
      </body>
    </html>
  `.html.trimStart();
}

/** The policy knows `body` by its hash: nothing may be added to it, no space either. */
function element(name: "script" | "style", body: string): Markup {
  return new Markup(`<${name}>${body}</${name}>`);
}
