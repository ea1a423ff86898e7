/**
 * How the commands of the bench hand out a result: a table, JSON, a page with charts.
 *
 * @module
 */

import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { BenchResult } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";
import { Output } from "./output.ts";
import { say, terminalColumns } from "./terminal.ts";

/** What {@linkcode outputOptions} adds. */
export interface OutputOptions {
  readonly json?: boolean;
  /** Path of the page. */
  readonly report?: string;
}

/** Adds `--json` and `--report` to a command that measures. */
export function outputOptions<Args extends unknown[], Opts extends OptionValues>(
  command: Command<Args, Opts>,
) {
  return command
    .option("--json", "print the result as JSON, for bench compare and bench report")
    .option("--report <file>", "write a page with charts, which needs nothing else to be read");
}

/**
 * Finds out before a long run whether its report can be written; nothing is left there. `undefined` is none to write.
 *
 * @throws {RelayError} `usage` where it cannot.
 */
export async function checkReport(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    const existed = await exists(path);
    (await Deno.open(path, { write: true, create: true })).close(); // what is there stays as it is
    if (!existed) await Deno.remove(path);
  } catch (cause) {
    throw new RelayError("usage", `Cannot write ${path}: ${whyNot(cause)}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Only its directory can be missing for a file that is made. */
function whyNot(error: unknown): string {
  return error instanceof Deno.errors.NotFound ? "no such directory" : reasonOf(error);
}

/**
 * Prints a result to stdout, as a table or JSON; then writes the report, and says on stderr where it is. What a command
 * exits with, after faults or an interrupt, is its own business.
 *
 * @throws {RelayError} `incomplete` where stdout or the report cannot be written to.
 */
export async function deliver(result: BenchResult, options: OutputOptions = {}): Promise<void> {
  const { json, report } = options;
  await print(json ? `${JSON.stringify(result)}\n` : await tableOf(result));
  if (report !== undefined) await writeReport([result], report);
}

/** Writes the page of `results` to `path`, and says so. */
export async function writeReport(results: readonly BenchResult[], path: string): Promise<void> {
  const { reportPage } = await import("../src/bench/report.ts");
  try {
    await Deno.writeTextFile(path, reportPage(results));
  } catch (cause) {
    throw new RelayError("incomplete", `Cannot write ${path}: ${whyNot(cause)}`, { cause });
  }
  say(`The report is in ${path}`);
}

/** Prints `text` to stdout. */
export async function print(text: string): Promise<void> {
  const output = new Output();
  output.write(text);
  await output.flush();
}

/** How many columns sentences may take on stdout. */
export async function proseColumns(): Promise<number> {
  const { columnsFor } = await import("./bench_table.ts");
  return columnsFor(Deno.stdout.isTerminal() ? terminalColumns() : undefined);
}

async function tableOf(result: BenchResult): Promise<string> {
  const { resultTable } = await import("./bench_table.ts");
  return resultTable(result, await proseColumns());
}
