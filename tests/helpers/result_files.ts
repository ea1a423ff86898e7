/**
 * Results of the bench in files.
 *
 * @module
 */

import type { BenchResult } from "../../src/bench/result.ts";

/** Files in a directory of their own, which goes away with the `await using` block. */
export interface ResultFiles extends AsyncDisposable {
  readonly directory: string;
  readonly paths: readonly string[];
}

/** Writes `results`, each into a file as `--json` does. */
export async function resultFiles(results: readonly BenchResult[] = []): Promise<ResultFiles> {
  const directory = await Deno.makeTempDir({ prefix: "streamrelay-bench-" });
  const paths = results.map((_, at) => `${directory}/${at}.json`);
  await Promise.all(paths.map((path, at) => Deno.writeTextFile(path, JSON.stringify(results[at]))));
  return {
    directory,
    paths,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}
