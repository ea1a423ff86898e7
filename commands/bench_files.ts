/**
 * Files that hold results of the bench.
 *
 * @module
 */

import { parseResult } from "../src/bench/read_result.ts";
import type { BenchResult } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";

/**
 * The result in the file at `path`.
 *
 * @throws {RelayError} `usage` where it cannot be read, or is none.
 */
export async function readResult(path: string): Promise<BenchResult> {
  return parseResult(await readText(path), path);
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RelayError("usage", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}
