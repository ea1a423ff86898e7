/**
 * The user's command, run as a process of ours.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { lookUp, Pty } from "./pty.ts";

/** Between two looks at whether a process group has ended, of which no event tells, ms. */
const POLL_MS = 100;
/** How long what was sent SIGKILL may take to end, ms: a process that waits for a dead file server does not. */
const KILLED_MS = 5_000;
/** The most that a pipe holds (/proc/sys/fs/pipe-max-size), bytes. */
const PIPE_BYTES = 1024 * 1024;
/** Looks taken within `drainMs`: while this program is stopped, and hears nothing, at most one of them passes. */
const DRAIN_TICKS = 10;

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

/** How a command ended. */
export interface ChildStatus {
  /** Exit code; 128 + the signal's number where a signal ended it, as shells have it. */
  readonly code: number;
  /** The name of the signal that ended it. */
  readonly signal?: string;
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

/** A command that could not be started; nothing of it has run. */
export class NotStarted extends RelayError {
  constructor(
    program: string,
    reason: string,
    /** What a shell would exit with: 127 where there is no such command, 126 where it cannot be executed. */
    readonly exitCode: 126 | 127,
    options?: ErrorOptions,
  ) {
    super("usage", `Cannot run ${program}: ${reason}`, options);
  }
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
  readonly #outputs: Output[];
  readonly #pty: Pty | undefined;
  readonly #disposed = new AbortController();

  private constructor(process: Deno.ChildProcess, options: ChildOptions, pty: Pty | undefined) {
    this.pid = process.pid;
    this.status = statusOf(process);
    this.#group = new ProcessGroup(process.pid, this.status);
    this.#pty = pty;
    const sources = [pty?.output ?? process.stdout];
    if (options.stderr === "piped") sources.push(process.stderr);
    this.#outputs = sources.map((source) => new Output(source, options.drainMs ?? 1_000));
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
      throw notStarted(command[0], cause);
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
    void pause(ms, { stop: this.#disposed.signal, until: this.status })
      .then(() => this.signal("SIGKILL"));
  }

  /** Kills the command and its group where it still runs, and reads no more. What it has left behind goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    this.signal("SIGKILL");
    await pause(KILLED_MS, { until: this.status });
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

function notStarted(program: string, cause: unknown): NotStarted {
  const no = (reason: string, code: 126 | 127) => new NotStarted(program, reason, code, { cause });
  if (cause instanceof Deno.errors.PermissionDenied) return no("permission denied", 126);
  if (!(cause instanceof Deno.errors.NotFound)) {
    return no(cause instanceof Error ? cause.message : String(cause), 126);
  }
  try {
    lookUp(program);
  } catch {
    return no("no such command", 127);
  }
  return no("the interpreter named in its first line is missing", 126);
}

/** The exit code and signal of a process. */
async function statusOf(process: Deno.ChildProcess): Promise<ChildStatus> {
  try {
    const { code, signal } = await process.status;
    return signal === null ? { code } : { code, signal };
  } catch (error) {
    // what Deno says of a real-time signal, which has no name
    const number = error instanceof TypeError && /^Invalid signal: (\d+)$/.exec(error.message)?.[1];
    if (!number) throw error;
    return { code: 128 + Number(number), signal: `signal ${number}` };
  }
}

/** A command and all that it has started, but for what has made a group or session of its own. */
class ProcessGroup {
  /** Whether the command has ended; others of the group may go on. */
  leaderEnded = false;
  readonly #id: number;
  readonly #leader: Promise<unknown>;

  constructor(id: number, leader: Promise<unknown>) {
    this.#id = id;
    this.#leader = leader.finally(() => this.leaderEnded = true);
  }

  send(name: Deno.Signal): void {
    try {
      Deno.kill(-this.#id, name);
    } catch (error) {
      // it has ended, or has become another user's (sudo), whom only that user may end
      if (error instanceof Deno.errors.NotFound) return;
      if (error instanceof Deno.errors.PermissionDenied) return;
      throw error;
    }
  }

  /** Sends each signal at its time, ms, until all have ended; returns whether they have. */
  async escalate(steps: [number, Deno.Signal][], stop: AbortSignal): Promise<boolean> {
    const startedAt = performance.now();
    for (const [at, name] of steps) {
      if (await this.#ended(startedAt + at - performance.now(), stop)) return true;
      if (stop.aborted) return false;
      this.send(name);
      this.send("SIGCONT"); // a process that is stopped obeys once it goes on
    }
    return await this.#ended(KILLED_MS, stop);
  }

  /** Waits for the end of all, `ms` at most; returns whether it has come. */
  async #ended(ms: number, stop: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + ms;
    if (!this.leaderEnded) await pause(ms, { stop, until: this.#leader });
    while (this.leaderEnded && !stop.aborted) {
      if (!lives(this.#id)) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await pause(Math.min(POLL_MS, left), { stop });
    }
    return false;
  }
}

/** Whether a process of the group still runs; one that has ended counts no more, though nobody has waited for it. */
function lives(group: number): boolean {
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && runsIn(group, name)) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return exists(group); // not Linux
    if (error instanceof Deno.errors.NotCapable) return exists(group); // run without --allow-all
    throw error;
  }
}

/** Whether the process `pid` runs and is of the group; see proc(5) on `stat`. */
function runsIn(group: number, pid: string): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [state, _parent, groupOfIt] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(groupOfIt) === group && !/[ZX]/.test(state);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false; // it has just ended
  }
}

/** Whether there is a process of the group, be it one that has ended. */
function exists(group: number): boolean {
  try {
    Deno.kill(-group, 0);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

/** Resolves after `ms`, or before, when `stop` is aborted or `until` is settled. */
async function pause(
  ms: number,
  { stop, until }: { stop?: AbortSignal; until?: Promise<unknown> },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = setTimeout(end, Math.max(0, ms));
  stop?.addEventListener("abort", end, { once: true });
  if (stop?.aborted) end();
  until?.then(end, end);
  await promise;
  clearTimeout(timer);
  stop?.removeEventListener("abort", end);
}

/** The output of a command, which ends even where other processes keep it open. */
class Output {
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether it was ended while another process had it open still. */
  cutOff = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #drainMs: number;
  #reading = false;
  #over = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Ticks since the command ended, and those of them that passed while a read waited. */
  #ticks = 0;
  #silent = 0;
  /** Bytes read later than `drainMs` after the command's end. */
  #late = 0;

  constructor(source: ReadableStream<Uint8Array>, drainMs: number) {
    this.#reader = source.getReader();
    this.#drainMs = drainMs;
    this.stream = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }

  /** The command has ended. */
  drain(): void {
    if (this.#over) return;
    this.#timer = setInterval(() => {
      this.#ticks++;
      if (!this.#reading || ++this.#silent < DRAIN_TICKS) return;
      this.cutOff = true;
      void this.cancel();
    }, this.#drainMs / DRAIN_TICKS);
  }

  /** Reads no more; a read that waits finds the end. */
  async cancel(): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    await this.#reader.cancel();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#reading = true;
    const { value, done } = await this.#reader.read();
    this.#reading = false;
    // a process in the background that never stops writing never lets a read wait
    if (!done && this.#ticks >= DRAIN_TICKS) this.#late += value.length;
    if (!done && this.#late <= PIPE_BYTES) return controller.enqueue(value);
    if (!done) this.cutOff = true;
    await this.cancel();
    controller.close();
  }
}
