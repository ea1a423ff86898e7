/**
 * Runs the Python client.
 *
 * @module
 */

import { type CliProcess, spawnProcess } from "../helpers/cli.ts";
import { missing, PYTHON, PYTHON_REQUIREMENTS } from "../set_up.ts";

const CLIENT = `${import.meta.dirname}/python_client.py`;

/** Time limits of one process and of one test, ms. */
const PROCESS_LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 90_000;

const lacking = missing(PYTHON_REQUIREMENTS).map(({ name }) => name).join(", ");

/** A line that the Python client printed; what else it holds depends on `event`. */
export interface PythonEvent {
  event: "connected" | "token" | "done" | "error" | "close" | "sent" | "health";
  [name: string]: unknown;
}

/** What the Python client did. */
export interface PythonResult {
  code: number;
  events: PythonEvent[];
  /** The contents of all tokens, joined. */
  text: string;
  /** Its last line. */
  last: PythonEvent | undefined;
  stderr: string;
}

/** Starts the Python client: a mode, then options. */
export function spawnPython(args: string[]): CliProcess {
  const env = { PYTHONUTF8: "1", PYTHONUNBUFFERED: "1" };
  return spawnProcess(PYTHON, [CLIENT, ...args], { env, timeoutMs: PROCESS_LIMIT_MS });
}

/** Runs the Python client to its end. */
export async function runPython(args: string[]): Promise<PythonResult> {
  await using process = spawnPython(args);
  return await resultOf(process);
}

/** Waits for the end of a Python client that runs. */
export async function resultOf(process: CliProcess): Promise<PythonResult> {
  const { code, stdout, stderr } = await process.finished;
  const events: PythonEvent[] = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  const text = events.map(({ event, content }) => event === "token" ? content : "").join("");
  return { code, events, text, last: events.at(-1), stderr };
}

/**
 * Registers a test that needs the Python client. Where its packages are missing the test is skipped, its name says
 * why, and in CI it fails.
 */
export function pythonTest(name: string, fn: () => Promise<void>): void {
  const skipped = lacking !== "" && Deno.env.get("CI") !== "true";
  Deno.test({
    name: skipped ? `${name} (skipped: ${lacking} missing)` : name,
    ignore: skipped,
    timeout: TEST_LIMIT_MS,
    fn: () => {
      if (lacking !== "") throw new Error(`Cannot run the Python client without ${lacking}`);
      return fn();
    },
  });
}
