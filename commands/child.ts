/**
 * The user's command, run as a process of ours.
 *
 * @module
 */

import { ChildOutput } from "./child_output.ts";
import { type ChildStatus, childStatus } from "./child_status.ts";
import { NotStarted } from "./not_started.ts";
import { KILLED_MS, ProcessGroup } from "./process_group.ts";
import { Pty } from "./pty.ts";
import { waitAtMost } from "./wait_at_most.ts";

/** Options of {@linkcode Child.start}. */
export interface ChildOptions {
  /**
   * Gives the command a terminal as its stdout, for programs that hold their output back in a pipe (default false).
   * Lines still end with "\n", stdin and stderr stay what they are. What processes in the background write after the
   * command's end is not read, but for the first 10 ms. Needs script(1) of util-linux, and 40 ms.
   */
  readonly pty?: boolean;
  /** Where its stderr goes: to ours, or to {@linkcode Child.stderr} (default "inherit"). */
  readonly stderr?: "inherit" | "piped";
  /**
   * How long to wait for output, in all, once the command has ended, ms (default 1000). A process that it has left in
   * the background keeps its stdout open, maybe for ever; what was written before the end is read however long it takes.
   */
  readonly drainMs?: number;
}

/** Options of {@linkcode Child.terminate}. */
export interface TerminateOptions {
  /** Time for SIGINT to be obeyed before SIGTERM is sent, ms (default 5000). */
  readonly firstMs?: number;
  /** Time for both to be obeyed before SIGKILL is sent, ms (default 30,000). */
  readonly graceMs?: number;
  /** Aborted: nothing more is sent and waited for. */
  readonly signal?: AbortSignal;
}

/**
 * A command that runs in a session and process group of its own: a signal for it reaches the processes it has started
 * too, and Ctrl-C at a terminal reaches us alone, who pass it on. Its stdin is ours; its stdout is a pipe, so it waits
 * where nobody reads, and gets SIGPIPE when we are gone.
 *
 * @example
 * ```ts
 * import { Child } from "./child.ts";
 * import assert from "node:assert/strict";
 *
 * await using child = await Child.start(["sh", "-c", "echo text; exit 3"]);
 * assert.equal(await new Response(child.stdout).text(), "text\n");
 * assert.deepEqual(await child.status, { code: 3 });
 * ```
 */
export class Child implements AsyncDisposable {
  /** Its process id, which is the id of its process group. */
  readonly pid: number;
  /** What it writes to stdout; nothing is read ahead. Ends soon after the command: see {@linkcode ChildOptions}. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** What it writes to stderr, where that is "piped"; otherwise as stdout. */
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  /** How it ended, once it has; its output may still be on its way. */
  readonly status: Promise<ChildStatus>;

  readonly #group: ProcessGroup;
  readonly #outputs: ChildOutput[];
  readonly #pty: Pty | undefined;
  readonly #disposed = new AbortController();

  private constructor(process: Deno.ChildProcess, options: ChildOptions, pty: Pty | undefined) {
    this.pid = process.pid;
    this.status = childStatus(process);
    this.#group = new ProcessGroup(process.pid, this.status);
    this.#pty = pty;
    const sources = [pty?.output ?? process.stdout];
    if (options.stderr === "piped") sources.push(process.stderr);
    this.#outputs = sources.map((source) => new ChildOutput(source, options.drainMs ?? 1_000));
    [this.stdout, this.stderr] = this.#outputs.map((output) => output.stream);
    const drain = () => this.#drain();
    void this.status.then(drain, drain);
  }

  /**
   * Starts a command: a program, by its path or found in `PATH`, and its arguments as they are.
   *
   * @throws {NotStarted} where the program is missing or cannot be executed.
   * @throws {RelayError} `usage` where there is no terminal to be had for `pty`.
   */
  static async start(command: readonly string[], options: ChildOptions = {}): Promise<Child> {
    const pty = options.pty ? await Pty.open() : undefined;
    try {
      return new Child(spawn(pty?.wrap(command) ?? command, options), options, pty);
    } catch (cause) {
      await pty?.[Symbol.asyncDispose]();
      throw NotStarted.because(cause, command[0]);
    }
  }

  /** Sends a signal to the command and the processes it has started; nothing happens where it has ended. */
  signal(name: Deno.Signal): void {
    if (!this.#group.leaderEnded) this.#group.send(name);
  }

  /**
   * Ends the command as a user would: SIGINT, then SIGTERM, then SIGKILL, each with time to obey. Takes until the command
   * and all processes of its group have ended; those that a command left behind that had ended before go on. A command
   * may outlive SIGKILL, or run as another user: this gives up 5 s after `graceMs`.
   *
   * @returns Whether all of them have ended.
   */
  async terminate(options: TerminateOptions = {}): Promise<boolean> {
    if (this.#group.leaderEnded) return true;
    const { firstMs = 5_000, graceMs = 30_000, signal } = options;
    const stop = AbortSignal.any([this.#disposed.signal, ...(signal ? [signal] : [])]);
    return await this.#group.escalate(
      [[0, "SIGINT"], [firstMs, "SIGTERM"], [graceMs, "SIGKILL"]],
      stop,
    );
  }

  /** Sends SIGKILL after `ms`, if the command has not ended by then. */
  killAfter(ms: number): void {
    void waitAtMost(ms, { stop: this.#disposed.signal, until: this.status })
      .then(() => this.signal("SIGKILL"));
  }

  /** Kills the command and its group where it still runs, and reads no more. What it has left behind goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    this.signal("SIGKILL");
    await waitAtMost(KILLED_MS, { until: this.status });
    for (const output of this.#outputs) await output.cancel();
    await this.#pty?.[Symbol.asyncDispose]();
  }

  /** Whether processes that the command left behind had its output open when that was read no more. */
  get cutOff(): boolean {
    return this.#outputs.some(({ cutOff }) => cutOff);
  }

  async #drain(): Promise<void> {
    await this.#pty?.end();
    for (const output of this.#outputs) output.drain();
  }
}

function spawn([program, ...args]: readonly string[], options: ChildOptions): Deno.ChildProcess {
  return new Deno.Command(program, {
    args,
    detached: true,
    stdin: "inherit",
    stdout: options.pty ? "null" : "piped",
    stderr: options.stderr ?? "inherit",
  }).spawn();
}
