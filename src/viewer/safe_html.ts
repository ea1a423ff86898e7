/// <reference lib="dom" />
/**
 * Markdown of strangers → nodes that can do no harm.
 *
 * @module
 */

import createPurifier from "dompurify";
import { Marked, type RendererObject } from "marked";

/** All that Markdown can say, and nothing that runs, loads, posts, or reaches out of its place. */
const ALLOWED_TAGS = (
  "p br hr h1 h2 h3 h4 h5 h6 strong em del blockquote ul ol li pre code a input table thead tbody tr th td"
).split(" ");
const PLAIN_ATTR = ["start", "align", "type", "checked", "disabled", "data-language"];
/** Addresses that say where they lead. Relative ones would lead to the relay, in the reader's name. */
const ALLOWED_URI_REGEXP = /^(?:https?:\/\/|mailto:)/i;

/**
 * HTML is shown, not made: nothing that a model writes disappears from the reader's sight. Images are links: fetching one
 * would tell its server, and in its address whatever a prompt injection has put there, without a click.
 */
const renderer: RendererObject = {
  html: ({ text }) => escapeHtml(text),
  image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
  code: ({ text, lang }) => {
    const language = escapeHtml(lang?.split(/\s/, 1)[0] ?? "");
    return `<pre data-language="${language}"><code>${escapeHtml(text)}\n</code></pre>`;
  },
};

const marked = new Marked({ gfm: true, breaks: true, async: false, renderer });
const purifier = createPurifier(globalThis.window);
purifier.addHook("afterSanitizeAttributes", (element) => {
  if (element.nodeName === "A") {
    element.setAttribute("rel", "noopener noreferrer nofollow");
    element.setAttribute("target", "_blank");
  }
  // wide ones scroll, which the keyboard must reach too
  if (element.nodeName === "PRE") element.setAttribute("tabindex", "0");
  if (element.nodeName === "INPUT") element.setAttribute("disabled", "");
});

/** Renders `markdown`. What comes out is safe twice over: HTML is escaped before, and DOMPurify keeps what is listed. */
export function safeHtml(markdown: string): DocumentFragment {
  const html = marked.parse(markdown) as string; // not async
  return purifier.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ["href", ...PLAIN_ATTR],
    ALLOWED_URI_REGEXP,
    ADD_URI_SAFE_ATTR: PLAIN_ATTR,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
