/**
 * How a command ends: its exit code, and the one line that says why.
 *
 * @module
 */

import { CommanderError } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { isDebugging } from "./logging.ts";
import { complain } from "./terminal.ts";

/** Ends the program with `code`; everything that is to be said has been said. */
export class ExitCode extends Error {
  override readonly name = "ExitCode";

  constructor(readonly code: number) {
    super(`exit code ${code}`);
  }
}

/** Exit code of a program ended by a signal: 128 + its number. */
export const SIGNAL_EXIT: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Waits for the command and exits: 0, or the code that its error has in the table of `src/errors.ts`. An exception that has
 * no caller, which is a bug, ends it at once.
 */
export async function exit(command: Promise<unknown>): Promise<never> {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    Deno.exit(reportBug(event.reason));
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    Deno.exit(reportBug(event.error));
  });
  try {
    await command;
  } catch (error) {
    Deno.exit(report(error));
  }
  Deno.exit(0);
}

/** Says what is to be said of `error`; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof ExitCode) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has told
  if (!(error instanceof RelayError)) return reportBug(error);
  complain(error.message);
  if (isDebugging() && error.cause !== undefined) console.error(error.cause);
  return error.row.exit;
}

function reportBug(error: unknown): number {
  complain(`This is a bug in streamrelay: ${error instanceof Error ? error.message : error}`);
  if (isDebugging()) console.error(error);
  else complain("For a stack trace, run it again with --log-level debug");
  return 70;
}
