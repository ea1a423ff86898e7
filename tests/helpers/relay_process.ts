/**
 * A relay in a process of its own.
 *
 * @module
 */

import { spawnCli } from "./cli.ts";

/** A relay that runs; leaving its `await using` block kills it. */
export interface RelayProcess extends AsyncDisposable {
  /** Where clients connect, e.g. `ws://127.0.0.1:41234`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Sends a signal (default SIGTERM) and resolves to the exit code. */
  stop(signal?: Deno.Signal): Promise<number>;
}

/** Longest life of a relay that a test forgot, ms. */
const TIME_LIMIT_MS = 300_000;

/**
 * Starts `streamrelay relay` on a free port of this machine alone and resolves once it listens.
 *
 * @throws {Error} when it ends before it listens; the message holds what it wrote.
 */
export async function startRelayProcess(
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<RelayProcess> {
  // a relay with a secret would listen on all interfaces
  const local = ["relay", "--host", "127.0.0.1", "--port", "0"];
  const process = spawnCli([...local, ...args], { env, timeoutMs: TIME_LIMIT_MS });
  try {
    // the space after it: the whole line is there, and so the whole port
    const [, url] = await process.waitForStderr(/(wss?:\/\/\S+)\s/);
    return {
      url,
      port: Number(new URL(url).port),
      pid: process.pid,
      stderr: process.stderr,
      async stop(signal = "SIGTERM") {
        process.kill(signal);
        return (await process.finished).code;
      },
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}
