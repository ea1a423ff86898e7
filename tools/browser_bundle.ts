/**
 * Code and style for a browser, from sources of ours, as modules of the program hold them.
 *
 * @module
 */

/** The bundle of the module at `entry`; the order of what `deno bundle` writes is always the same. */
export async function bundle(entry: URL): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--minify", nameOf(entry)],
    cwd: new URL(".", entry),
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot bundle ${entry}`);
  return new TextDecoder("utf-8", { fatal: true }).decode(stdout);
}

const nameOf = ({ pathname }: URL) => pathname.slice(pathname.lastIndexOf("/") + 1);

/** The style at `own`, after that of the chart's library, wherever npm packages are kept here. */
export async function styles(own: URL): Promise<string> {
  const chart = await Deno.readTextFile(new URL(import.meta.resolve("uplot/dist/uPlot.min.css")));
  return `${chart.trim()}\n${await Deno.readTextFile(own)}`;
}

/** SHA-256 of a text. */
export async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** Heads a module that is made; `what` says what it holds. */
export function generatedHead(what: string, task: string): string {
  return `// deno-fmt-ignore-file -- generated, and compared byte by byte with what the task makes
// deno-lint-ignore-file -- what is inside was linted before it was bundled
/**
 * ${what}, built by \`deno task ${task}\`: do not edit.
 *
 * @module
 */
`;
}
