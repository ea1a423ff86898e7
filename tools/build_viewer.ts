/**
 * Builds the browser page: bundles `src/viewer` and writes it as a module, so that the program stays one file.
 *
 * @module
 */

const VIEWER = new URL("../src/viewer/", import.meta.url);
const TARGET = new URL("assets.ts", VIEWER);

const read = (path: string | URL) => Deno.readTextFile(new URL(path, VIEWER));

/** One file that the relay serves. */
interface Asset {
  readonly type: string;
  readonly body: string;
}

/** The bundle of `view.ts`; the order of what `deno bundle` writes is always the same. */
async function bundle(): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--minify", "view.ts"],
    cwd: VIEWER,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("Cannot bundle the page");
  return new TextDecoder("utf-8", { fatal: true }).decode(stdout);
}

/** The style of the chart's library comes with it, wherever npm packages are kept here. */
async function styles(): Promise<string> {
  const chart = await read(import.meta.resolve("uplot/dist/uPlot.min.css"));
  return `${chart.trim()}\n${await read("view.css")}`;
}

/** A name that changes with what is in the file: browsers may keep it for ever. */
async function hashed(name: string, body: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return name.replace(".", `-${new Uint8Array(digest).toHex().slice(0, 12)}.`);
}

/** The text of `assets.ts`, the same for the same sources. */
export async function buildViewer(): Promise<string> {
  const files: [name: string, asset: Asset][] = [
    ["view.js", { type: "text/javascript; charset=utf-8", body: await bundle() }],
    ["view.css", { type: "text/css; charset=utf-8", body: await styles() }],
  ];
  let page = await read("view.html");
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
  return `// deno-fmt-ignore-file -- generated, and compared byte by byte with what the task makes
// deno-lint-ignore-file -- what is inside was linted before it was bundled
/**
 * The browser page, built by \`deno task viewer\`: do not edit.
 *
 * @module
 */

/** The files of the page, by name. */
export const ASSETS: Record<string, { type: string; body: string }> = ${
    JSON.stringify(assets, null, 1)
  };
`;
}

if (import.meta.main) await Deno.writeTextFile(TARGET, await buildViewer());
