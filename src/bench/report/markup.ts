/**
 * HTML, of which nothing that is put in can be more than text.
 *
 * @module
 */

/** A piece of HTML that is safe to be put into more of it. */
export class Markup {
  constructor(readonly html: string) {}
}

/** What can stand in {@linkcode html}: text, which is escaped, and markup, or a list of either. */
export type Content = string | Markup | readonly Content[];

const ESCAPED: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * The markup as written, what is put in escaped, for elements and quoted attributes; not for scripts and styles.
 *
 * @example
 * ```ts
 * import { html } from "./markup.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(html`<p>${"1 < 2"}</p>`.html, "<p>1 &lt; 2</p>");
 * ```
 */
export function html(written: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(String.raw({ raw: written }, ...contents.map(shown)));
}

function shown(content: Content): string {
  if (content instanceof Markup) return content.html;
  if (typeof content === "string") return content.replaceAll(/[&<>"']/g, (sign) => ESCAPED[sign]);
  return content.map(shown).join("");
}

/** JSON for a `<script type="application/json">`, which no text in it can end. */
export function jsonMarkup(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll("<", "\\u003c"));
}
