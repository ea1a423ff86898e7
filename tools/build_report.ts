/**
 * Builds what reports of the bench are made of: bundles `src/bench/report` and writes it as a module, so that the program
 * stays one file.
 *
 * @module
 */

import { bundle, digestOf, generatedHead, styles } from "./browser_bundle.ts";

const SOURCES = new URL("../src/bench/report/", import.meta.url);
const TARGET = new URL("../report_assets.ts", SOURCES);

/** What stands in an element of the page, and the hash by which its policy lets it. */
interface Inline {
  readonly hash: string;
  readonly body: string;
}

/** The text of `report_assets.ts`, the same for the same sources. */
export async function buildReport(): Promise<string> {
  const script = await inline("script", await bundle(new URL("page.ts", SOURCES)));
  const style = await inline("style", await styles(new URL("page.css", SOURCES)));
  return `${generatedHead("Script and style of the reports", "report")}
/** What stands in an element of the page, and the hash by which its policy lets it. */
interface Inline {
  readonly hash: string;
  readonly body: string;
}

/** Draws the charts. */
export const REPORT_SCRIPT: Inline = ${JSON.stringify(script, null, 1)};

/** The style of the page and of its charts. */
export const REPORT_STYLE: Inline = ${JSON.stringify(style, null, 1)};
`;
}

/** Nothing in `body` may end its element, or begin what looks like a comment in it. */
async function inline(element: string, body: string): Promise<Inline> {
  if (new RegExp(`</${element}|<!--`, "i").test(body)) {
    throw new Error(`Cannot put into an element what would end it: ${element}`);
  }
  return { hash: `sha256-${(await digestOf(body)).toBase64()}`, body };
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await buildReport());
