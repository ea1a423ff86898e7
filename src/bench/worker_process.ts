/**
 * A process that makes load, as its parent sees it.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { WorkerJob, WorkerOrder, WorkerOutcome, WorkerReport } from "./worker_job.ts";

/** A process has ended before its time. */
export class WorkerDeath extends RelayError {
  constructor({ pid, first, count }: { pid: number; first: number; count: number }, how: string) {
    const channels = count === 1
      ? `channel ${first + 1}`
      : `channels ${first + 1} to ${first + count}`;
    super(
      "internal",
      `A process of the load (pid ${pid}, ${channels}) ended before its time: ${how}`,
    );
  }
}

/** How a process ended, in words. */
export function endingWords({ signal, code }: Deno.CommandStatus): string {
  return signal === null ? `exit code ${code}` : signal;
}

/**
 * A worker in a process of its own, and a session of its own, so that a Ctrl-C reaches only its parent, who has it finish
 * early. It ends itself when its stdin does, which is a pipe of its parent's.
 */
export class WorkerProcess implements AsyncDisposable {
  readonly pid: number;
  /** What became of the job; rejects with why it failed. */
  readonly outcome: Promise<WorkerOutcome>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  private constructor(
    child: Deno.ChildProcess,
    job: WorkerJob,
    report: (report: WorkerReport) => void,
  ) {
    this.#child = child;
    this.pid = child.pid;
    this.#stdin = child.stdin.getWriter();
    this.outcome = outcomeOf(child, job, report);
    this.outcome.catch(() => {}); // it may fail before anybody waits
  }

  /** Starts `program` (the words that start this program) on a job; `report` is told how it goes. */
  static async start(
    program: readonly string[],
    job: WorkerJob,
    report: (report: WorkerReport) => void,
  ): Promise<WorkerProcess> {
    const child = new Deno.Command(program[0], {
      args: [...program.slice(1), "bench", "worker"],
      detached: true,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const worker = new WorkerProcess(child, job, report);
    await worker.#write(JSON.stringify(job));
    return worker;
  }

  /** Tells it what to do; nothing happens where it has ended. */
  order(order: WorkerOrder): Promise<void> {
    return this.#write(JSON.stringify(order));
  }

  async #write(line: string): Promise<void> {
    try {
      await this.#stdin.write(new TextEncoder().encode(`${line}\n`));
    } catch (error) {
      // what became of it is told by its outcome
      if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
    }
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended: what was wanted
    }
    await this.#stdin.abort().catch(() => {}); // likewise
    await this.#child.status;
  }
}

async function outcomeOf(
  { pid, stdout, status }: Deno.ChildProcess,
  { first, count }: WorkerJob,
  tell: (report: WorkerReport) => void,
): Promise<WorkerOutcome> {
  for await (const line of linesOf(stdout)) {
    const report: WorkerReport = JSON.parse(line);
    if (report.type === "outcome") return report.outcome;
    if (report.type === "failed") throw new RelayError(report.code, report.message);
    tell(report);
  }
  throw new WorkerDeath({ pid, first, count }, endingWords(await status));
}

/** The lines of a stream of UTF-8. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
