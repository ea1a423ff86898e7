/**
 * Runs the command line as a user does: a process of its own, real pipes.
 *
 * @module
 */

const MAIN = new URL("../../main.ts", import.meta.url).href;

/** Options of {@linkcode spawnCli}. */
export interface CliOptions {
  /** Variables on top of the test's own, of which `RELAY_*` and `CHANNEL_ID` are not handed on (default none). */
  env?: Record<string, string>;
  /** Ends the process with SIGTERM (default none). */
  signal?: AbortSignal;
  /** Time limit, ms (default 60,000): then the process is killed, and what waits for it is rejected. */
  timeoutMs?: number;
}

/** How a process ended, and what it wrote. */
export interface CliResult {
  /** Exit code; 128 + the signal's number where a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

/** A process that runs; leaving its `await using` block kills it. */
export interface CliProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it has written to stdout so far. */
  stdout(): string;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Resolves once all of stdout matches; rejects when it ends without. */
  waitForStdout(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves once all of stderr matches; rejects when it ends without. */
  waitForStderr(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes to stdin. */
  write(text: string | Uint8Array): Promise<void>;
  /** Ends stdin. */
  closeStdin(): Promise<void>;
  /** Sends a signal; nothing happens where the process has ended. */
  kill(signal: Deno.Signal): void;
  /** Resolves when it has ended and all its output is read; rejects when its time limit passed. */
  readonly finished: Promise<CliResult>;
}

/**
 * Runs a command of the command line to its end.
 *
 * @throws {Error} when the time limit passes; the message holds what was written.
 */
export async function runCli(
  args: string[],
  options: CliOptions & { stdin?: string | Uint8Array } = {},
): Promise<CliResult> {
  await using process = spawnCli(args, options);
  await process.write(options.stdin ?? "");
  await process.closeStdin();
  return await process.finished;
}

/** Starts a command of the command line. */
export function spawnCli(args: string[], options: CliOptions = {}): CliProcess {
  return spawnProcess(Deno.execPath(), ["run", "--quiet", "-A", MAIN, ...args], options);
}

/** Starts any program, in the same surroundings. */
export function spawnProcess(
  program: string,
  args: string[],
  { env = {}, signal, timeoutMs = 60_000 }: CliOptions = {},
): CliProcess {
  const child = new Deno.Command(program, {
    args,
    env: { ...outerEnv(), ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended: what was wanted
    }
  };
  const terminate = () => kill("SIGTERM");
  signal?.addEventListener("abort", terminate, { once: true });
  if (signal?.aborted) terminate();
  const stdout = new Output(child.stdout);
  const stderr = new Output(child.stderr);
  // a child of its own may have outlived it and still hold its pipes: nothing more of that is read
  const end = () => {
    kill("SIGKILL");
    return Promise.all([stdout.cancel(), stderr.cancel()]);
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void end();
  }, timeoutMs);
  const stdin = child.stdin.getWriter();
  const ended = Promise.all([child.status, stdout.finished, stderr.finished]).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", terminate);
  });
  const describe = () => `${args.join(" ")}\nstdout: ${stdout.text}\nstderr: ${stderr.text}`;
  const finished = ended.then(([{ code }]) => {
    if (timedOut) throw new Error(`Cannot wait longer than ${timeoutMs} ms for ${describe()}`);
    return { code, stdout: stdout.text, stderr: stderr.text };
  });
  finished.catch(() => {}); // nobody need wait for it

  return {
    pid: child.pid,
    stdout: () => stdout.text,
    stderr: () => stderr.text,
    waitForStdout: (pattern) => stdout.waitFor(pattern, describe),
    waitForStderr: (pattern) => stderr.waitFor(pattern, describe),
    write: (text) => ignoreBrokenPipe(stdin.write(bytesOf(text))),
    closeStdin: () => ignoreBrokenPipe(stdin.close()),
    kill,
    finished,
    async [Symbol.asyncDispose]() {
      await end();
      await ignoreBrokenPipe(stdin.abort());
      await ended;
    },
  };
}

/** Collects a stream of text and tells who waits for a part of it. */
class Output {
  text = "";
  readonly finished: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.finished = this.#collect();
  }

  /** Reads no more. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  async waitFor(pattern: RegExp, describe: () => string): Promise<RegExpExecArray> {
    while (true) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`Cannot find ${pattern} in the output of ${describe()}`);
      await this.#changed.promise;
    }
  }

  async #collect(): Promise<void> {
    for (let part = await this.#reader.read(); !part.done; part = await this.#reader.read()) {
      this.#add(part.value);
    }
    this.#ended = true;
    this.#add("");
  }

  #add(part: string): void {
    this.text += part;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function outerEnv(): Record<string, string> {
  const entries = Object.entries(Deno.env.toObject());
  return Object.fromEntries(entries.filter(([name]) => !/^(RELAY_.*|CHANNEL_ID)$/.test(name)));
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

/** A process may end before it has read what it is given. */
async function ignoreBrokenPipe(writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
  }
}
