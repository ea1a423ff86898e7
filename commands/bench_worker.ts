/**
 * `streamrelay bench worker`: hidden, a process that makes load.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import type { WorkerJob, WorkerOrder, WorkerReport } from "../src/bench/worker_job.ts";
import { RelayError } from "../src/errors.ts";
import { setUpLogging } from "./logging.ts";
import { Output } from "./output.ts";

/** Reads a job and then orders from stdin, and writes reports to stdout, a JSON object a line; ends when stdin does. */
export function benchWorkerCommand() {
  return new Command("worker")
    .description("makes load for bench load and bench max")
    .action(async () => {
      const { linesOf } = await import("../src/bench/worker_process.ts");
      const { LoadRun } = await import("../src/bench/load_run.ts");
      const lines = linesOf(Deno.stdin.readable);
      const { value: job } = await lines.next();
      if (!job) throw new RelayError("usage", "bench worker is started by bench load alone");
      const given = JSON.parse(job) as WorkerJob;
      await setUpLogging(given.logLevel ?? "error", "text");
      const output = new Output();
      const report = (line: WorkerReport) => void output.write(`${JSON.stringify(line)}\n`);
      const go = Promise.withResolvers<void>();
      const stop = new AbortController();
      const over = obey(lines, { go: go.resolve, stop: () => stop.abort() });
      try {
        const options = { report, go: go.promise, signal: stop.signal };
        const outcome = await LoadRun.run(given, options);
        report({ type: "outcome", outcome });
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        report({ type: "failed", code: error.code, message: error.message });
      }
      await output.flush();
      await over; // whoever gave the job may still want to see what this process took
    });
}

async function obey(
  lines: AsyncGenerator<string>,
  { go, stop }: { go: () => void; stop: () => void },
): Promise<never> {
  for await (const line of lines) {
    const order: WorkerOrder = JSON.parse(line);
    if (order === "go") go();
    else stop();
  }
  Deno.exit(1); // whoever wanted the load is gone
}
