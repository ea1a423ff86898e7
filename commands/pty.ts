/**
 * A pseudo-terminal for the stdout of a command.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { lookUp } from "./look_up.ts";

/** How long the terminal may take to come, ms; it takes 10. */
const OPEN_MS = 10_000;

/**
 * Runs in the terminal and keeps it until stdin ends. `-opost`: "\n" stays "\n". The size is given because
 * programs divide by 0.
 */
const KEEP = "stty -opost rows 24 columns 80 && tty && read -r _";

/**
 * Starts script(1) in the background, in a session of its own and without a living parent, where batch systems that
 * signal a whole group, or all descendants one by one, do not find it: it cannot be made to ignore SIGTERM. It ends with
 * its stdin, which is ours, once nothing has been written for 10 ms; as it does not care whether anybody reads what it
 * writes, the cat does, and has it killed, else a command that never pauses would survive us.
 */
const START = `command -v script >/dev/null || exit 127
exec 3<&0
trap '' HUP INT QUIT TERM USR1 USR2
export SHELL=/bin/sh
sh -c 'echo $$; exec script -qfc "$0" /dev/null <&3 3<&-' "$0" |
  { read -r script; cat || kill -KILL "$script"; } &`;

/**
 * Opens its stdout on the terminal before it becomes the command, which therefore has the pid of this shell. setpriv(1) has
 * the kernel kill that with us, where it knows how to (util-linux 2.33): SIGPIPE would end what writes to a pipe whose
 * reader is gone, but a terminal that is gone is an error, which many programs do not look at.
 */
const ON_TERMINAL = `exec >"$0"
if setpriv --pdeathsig KILL true 2>/dev/null; then exec setpriv --pdeathsig KILL -- "$@"; fi
exec "$@"`;

/**
 * A pseudo-terminal that is only written to: programs that hold their output back unless it goes to a terminal do not
 * hold it back there. script(1) of util-linux makes it and passes on what is written; the command is not its child, so
 * its arguments, stdin, stderr, signals and exit code are untouched. The terminal is not the command's controlling one.
 *
 * @example
 * ```ts
 * import { Pty } from "./pty.ts";
 * import assert from "node:assert/strict";
 *
 * await using pty = await Pty.open();
 * const [program, ...args] = pty.wrap(["sh", "-c", "test -t 1 && echo terminal"]);
 * await new Deno.Command(program, { args }).spawn().status; // must have ended before
 * await pty.end();
 * const chunks = await Array.fromAsync(pty.output);
 * assert.equal(new TextDecoder().decode(chunks[0]), "terminal\n");
 * ```
 */
export class Pty implements AsyncDisposable {
  readonly #script: Deno.ChildProcess;
  readonly #path: string;
  #ended = false;

  private constructor(script: Deno.ChildProcess, path: string) {
    this.#script = script;
    this.#path = path;
  }

  /**
   * Makes a terminal.
   *
   * @throws {RelayError} `usage` where script(1) is missing or cannot make one; the message says what to do.
   */
  static async open(): Promise<Pty> {
    const script = new Deno.Command("sh", {
      args: ["-c", START, KEEP],
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code } = await script.status; // of the shell that starts it
    const said = code === 0 ? await firstLine(script.stdout) : "";
    const pty = new Pty(script, said.trimEnd());
    if (/^\/dev\/\S+\n$/.test(said)) {
      await script.stderr.cancel();
      return pty;
    }
    const reason = `${said}${await firstLine(script.stderr)}`.trim();
    await pty[Symbol.asyncDispose]();
    await script.stderr.cancel();
    if (code === 127) throw unusable("script(1) is missing: install util-linux (Debian: bsdutils)");
    throw unusable(`script(1) of util-linux made none${reason && `: ${reason}`}`);
  }

  /** What is written to the terminal. Ends some 20 ms after {@linkcode end}. */
  get output(): ReadableStream<Uint8Array> {
    return this.#script.stdout;
  }

  /**
   * The command that runs `command` with the terminal as its stdout, in the same process.
   *
   * @throws {Deno.errors.NotFound} {Deno.errors.PermissionDenied} See {@linkcode lookUp}.
   */
  wrap([program, ...args]: readonly string[]): string[] {
    return ["sh", "-c", ON_TERMINAL, this.#path, lookUp(program), ...args];
  }

  /** No more is to be written: the output ends with what has been. What is written later is lost. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#script.stdin.close();
  }

  /** Takes the terminal away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    if (!this.output.locked) await this.output.cancel();
  }
}

/** All up to the first newline, or up to the end or the time limit where there is none; the stream stays open. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const timer = setTimeout(() => void reader.cancel(), OPEN_MS);
  try {
    for (let text = "";;) {
      const { value, done } = await reader.read();
      if (done) return text;
      text += decoder.decode(value, { stream: true });
      if (text.includes("\n")) return text;
    }
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

function unusable(reason: string): RelayError {
  return new RelayError("usage", `Cannot run with a terminal: ${reason}`);
}
