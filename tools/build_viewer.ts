/**
 * Builds the browser page: bundles `src/viewer` and writes it as a module, so that the program stays one file.
 *
 * @module
 */

import { bundle, digestOf, generatedHead, styles } from "./browser_bundle.ts";

const VIEWER = new URL("../src/viewer/", import.meta.url);
const TARGET = new URL("assets.ts", VIEWER);

/** One file that the relay serves. */
interface Asset {
  readonly type: string;
  readonly body: string;
}

/** A name that changes with what is in the file: browsers may keep it for ever. */
async function hashed(name: string, body: string): Promise<string> {
  return name.replace(".", `-${(await digestOf(body)).toHex().slice(0, 12)}.`);
}

/** The text of `assets.ts`, the same for the same sources. */
export async function buildViewer(): Promise<string> {
  const files: [name: string, asset: Asset][] = [
    ["view.js", {
      type: "text/javascript; charset=utf-8",
      body: await bundle(new URL("view.ts", VIEWER)),
    }],
    ["view.css", {
      type: "text/css; charset=utf-8",
      body: await styles(new URL("view.css", VIEWER)),
    }],
  ];
  let page = await Deno.readTextFile(new URL("view.html", VIEWER));
  const assets: Record<string, Asset> = {};
  for (const [name, asset] of files) {
    const unique = await hashed(name, asset.body);
    page = page.replace(`{{${name}}}`, unique);
    assets[unique] = asset;
  }
  assets["view.html"] = { type: "text/html; charset=utf-8", body: page };
  return module(assets);
}

function module(assets: Record<string, Asset>): string {
  return `${generatedHead("The browser page", "viewer")}
/** The files of the page, by name. */
export const ASSETS: Record<string, { type: string; body: string }> = ${
    JSON.stringify(assets, null, 1)
  };
`;
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await buildViewer());
