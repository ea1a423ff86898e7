/**
 * What `streamrelay produce` does.
 *
 * @module
 */

import type { ProducerOptions } from "../src/client/producer.ts";
import { RelayError } from "../src/errors.ts";
import { Child, type ChildOptions } from "./child.ts";
import type { ChildStatus } from "./child_status.ts";
import { Delivery } from "./delivery.ts";
import { ExitCode, SIGNAL_EXIT } from "./exit.ts";
import { Interrupt, type Interrupted } from "./interrupt.ts";
import { MessageInput } from "./message_input.ts";
import { NotStarted } from "./not_started.ts";
import { chunks, pipe, pipeLog, stdinChunks } from "./pipe.ts";
import { complain } from "./terminal.ts";

/** Options of {@linkcode produceInput}. */
export interface RunOptions {
  readonly producer: ProducerOptions;
  /** Copy what is sent to stdout. */
  readonly tee: boolean;
  /** What is read: text, or messages, one a line. */
  readonly format: "text" | "ndjson";
  /** Goes into `done`. */
  readonly usage?: Record<string, unknown>;
  /** What an interrupted command has to send what is left, ms. */
  readonly graceMs: number;
}

/** Options of {@linkcode produceJob}. */
export interface JobOptions extends RunOptions {
  readonly pty: boolean;
  /** Send the command's stderr as log messages. */
  readonly streamStderr: boolean;
}

/**
 * Sends stdin until its end, until it is interrupted, or until a consumer cancels it.
 *
 * @throws {RelayError} where the relay has not confirmed the whole stream, or stdin could not be copied.
 * @throws {ExitCode} where it was interrupted or cancelled.
 */
export async function produceInput(options: RunOptions): Promise<void> {
  using interrupt = new Interrupt();
  const delivery = await Delivery.open(options.producer);
  using _limit = new GraceLimit(delivery, interrupt.signal, options.graceMs);
  const cancel = new AbortController();
  void delivery.cancelled.then((reason) => cancel.abort(reason));
  const signal = AbortSignal.any([interrupt.signal, cancel.signal]);
  const messages = messageInput(options);
  let copy;
  try {
    copy = await pipe(stdinChunks(signal), delivery, { tee: options.tee, signal, messages });
  } catch (error) {
    const details = { code: "input" };
    await told(() => delivery.error("the producer's input could not be read", details));
    throw error;
  }
  try {
    await endInput(delivery, {
      options,
      messages,
      cancelled: cancel.signal.aborted,
      received: interrupt.received,
    });
  } catch (error) {
    if (interrupt.received === undefined || !(error instanceof RelayError)) throw error;
    complain(error.message); // it was interrupted while it waited for the relay
    throw new ExitCode(interrupt.received.exitCode);
  } finally {
    await copy?.flush();
  }
}

/** Ends the stream of stdin as it ended. */
async function endInput(
  delivery: Delivery,
  { options, messages, cancelled, received }: {
    options: RunOptions;
    messages: MessageInput | undefined;
    cancelled: boolean;
    received: Interrupted | undefined;
  },
): Promise<void> {
  if (cancelled) {
    await told(() => delivery.error("cancelled by a consumer", { code: "cancelled" }));
    complain("cancelled by a consumer");
    throw new ExitCode(7);
  }
  if (received === undefined) return await endWell(delivery, { messages, usage: options.usage });
  if (!delivery.reached) delivery.abandon(); // nobody knows of this stream: no news to wait for
  const name = received.received;
  const details = { code: "signal", signal: name };
  await told(() => delivery.error(`the producer was stopped by ${name}`, details));
  throw new ExitCode(received.exitCode);
}

function messageInput({ format, producer }: RunOptions): MessageInput | undefined {
  if (format === "text") return undefined;
  return new MessageInput({ sealed: producer.encryptionKey !== undefined });
}

/** Ends the stream of an input that was read to its end: as that says, or as done. */
async function endWell(
  delivery: Delivery,
  { messages, usage }: { messages: MessageInput | undefined; usage: RunOptions["usage"] },
): Promise<void> {
  const { error, usage: counted } = messages?.ending ?? {};
  if (error !== undefined) {
    const { message, code, exit_code, signal } = error;
    await delivery.error(message, { code, exit_code, signal });
    throw new ExitCode(1);
  }
  if (!messages?.incomplete) return await delivery.done(usage ?? counted);
  const gone = "a line was too long and is missing";
  await told(() => delivery.error(gone, { code: "too_big" }));
  throw new RelayError("too_big", `The stream is not complete: ${gone}`);
}

/** Says what went wrong where the exit code is to tell something else. */
async function told(end: () => Promise<void>): Promise<void> {
  try {
    await end();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    complain(error.message);
  }
}

/**
 * Lets the delivery go when an interrupted command has had its time: the scheduler's SIGKILL is near. Where everything is
 * over but for a relay that is away, it has had it.
 */
class GraceLimit implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #signal: AbortSignal;
  readonly #start: () => void;

  constructor(delivery: Delivery, signal: AbortSignal, graceMs: number) {
    this.#signal = signal;
    this.#start = () => {
      this.#timer = setTimeout(() => delivery.abandon(), delivery.waiting ? 0 : graceMs);
    };
    if (signal.aborted) this.#start();
    signal.addEventListener("abort", this.#start, { once: true });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#start);
  }
}

/**
 * Runs a command and sends its output; signals are passed on to it.
 *
 * @throws {ExitCode} with the command's own code, where that is not 0.
 * @throws {RelayError} where the relay has not confirmed the whole stream of a command that ended well.
 */
export async function produceJob(job: readonly string[], options: JobOptions): Promise<void> {
  const { pty, streamStderr, graceMs } = options;
  const delivery = await Delivery.open(options.producer);
  const stop = new AbortController();
  using _limit = new GraceLimit(delivery, stop.signal, graceMs + CONFIRM_MS);
  await using child = await start(
    job,
    { pty, stderr: streamStderr ? "piped" : "inherit" },
    delivery,
  );
  using _forwarder = new SignalForwarder(child, (name) => {
    if (delivery.waiting && stop.signal.aborted) Deno.exit(SIGNAL_EXIT[name] ?? 1);
    stop.abort();
    child.killAfter(graceMs);
  });
  let cancelled = false;
  void delivery.cancelled.then(() => {
    cancelled = true;
    void child.terminate({ firstMs: Math.min(FIRST_MS, graceMs / 2), graceMs });
  });
  const never = new AbortController().signal;
  const messages = messageInput(options);
  const [copy] = await Promise.all([
    pipe(chunks(child.stdout, never), delivery, { tee: options.tee, signal: never, messages }),
    streamStderr ? pipeLog(chunks(child.stderr!, never), delivery) : undefined,
  ]);
  if (child.cutOff) {
    complain(
      "what the command left in the background is not sent any more (to wait for it: end a script with wait)",
    );
  }
  try {
    await endJob(await child.status, delivery, { cancelled, messages, usage: options.usage });
  } finally {
    await copy?.flush();
  }
}

/** Ends the stream of a command as the command ended. */
async function endJob(
  { code, signal }: ChildStatus,
  delivery: Delivery,
  { cancelled, messages, usage }: {
    cancelled: boolean;
    messages: MessageInput | undefined;
    usage: RunOptions["usage"];
  },
): Promise<void> {
  if (cancelled) {
    await told(() =>
      delivery.error("cancelled by a consumer", { code: "cancelled", exit_code: code, signal })
    );
    complain("cancelled by a consumer");
    throw new ExitCode(code === 0 ? 7 : code);
  }
  if (code === 0) return await endWell(delivery, { messages, usage });
  const said = messages?.ending?.error;
  const [message, details] = said !== undefined
    ? [said.message, { code: said.code, exit_code: code, signal }]
    : signal === undefined
    ? [`the command ended with exit code ${code}`, { code: "exit", exit_code: code }]
    : [`the command was ended by ${signal}`, { code: "signal", signal }];
  await told(() => delivery.error(message, details));
  throw new ExitCode(code);
}

/** From SIGINT to SIGTERM of a command that is cancelled, ms. */
const FIRST_MS = 5_000;
/** Time for the relay to confirm the end once the command had its own, ms. */
const CONFIRM_MS = 5_000;

/** A command that cannot be started ends the stream: consumers are told, and the shell's code for it is ours. */
async function start(
  job: readonly string[],
  options: ChildOptions,
  delivery: Delivery,
): Promise<Child> {
  try {
    return await Child.start(job, options);
  } catch (error) {
    if (!(error instanceof NotStarted)) {
      delivery.abandon();
      throw error;
    }
    complain(error.message);
    const details = { code: "exit", exit_code: error.exitCode };
    using _limit = new GraceLimit(delivery, AbortSignal.abort(), CONFIRM_MS);
    await told(() => delivery.error("the command could not be started", details));
    throw new ExitCode(error.exitCode);
  }
}

/** Signals that a scheduler or a user may send, and that the command may know what to do with. */
const FORWARDED: Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
/** Those after which the command is to end. */
const ENDING: ReadonlySet<Deno.Signal> = new Set<Deno.Signal>([
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
]);

/** Passes signals on to the command; the first one that asks for its end calls `onEnding`. */
class SignalForwarder implements Disposable {
  readonly #handlers: [Deno.Signal, () => void][];

  constructor(child: Child, onEnding: (name: Deno.Signal) => void) {
    this.#handlers = FORWARDED.map((name) => [name, () => {
      child.signal(name);
      if (ENDING.has(name)) onEnding(name);
    }]);
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
