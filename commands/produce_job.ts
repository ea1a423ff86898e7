/**
 * What `streamrelay produce -- command` does.
 *
 * @module
 */

import { Child, type ChildOptions } from "./child.ts";
import type { ChildStatus } from "./child_status.ts";
import { Delivery } from "./delivery.ts";
import { ExitCode } from "./exit.ts";
import { GraceLimit } from "./grace_limit.ts";
import { NotStarted } from "./not_started.ts";
import { pipe, pipeLog } from "./pipe.ts";
import { messageInput, type RunOptions } from "./run_options.ts";
import { SignalForwarder } from "./signal_forwarder.ts";
import { endAndFlush, endBadly, endCancelled, endWell, type InputEnd } from "./stream_end.ts";
import { complain } from "./terminal.ts";

/** Options of {@linkcode produceJob}. */
export interface JobOptions extends RunOptions {
  /** Run the command on a terminal. */
  readonly pty: boolean;
  /** Send the command's stderr as log messages. */
  readonly streamStderr: boolean;
}

/** From SIGINT to SIGTERM of a command that is cancelled, ms. */
const FIRST_MS = 5_000;
/** Time for the relay to confirm the end once the command had its own, ms. */
const CONFIRM_MS = 5_000;

/**
 * Runs a command and sends its output; signals are passed on to it.
 *
 * @throws {ExitCode} with the command's own code, where that is not 0.
 * @throws {RelayError} where the relay has not confirmed the whole stream of a command that ended well.
 */
export async function produceJob(job: readonly string[], options: JobOptions): Promise<void> {
  const { pty, streamStderr, tee, graceMs, usage } = options;
  const delivery = await Delivery.open(options.producer);
  const stop = new AbortController();
  using _limit = new GraceLimit(delivery, stop.signal, graceMs + CONFIRM_MS);
  using forwarder = new SignalForwarder(() => {
    // a second one, with the command at its end
    if (stop.signal.aborted && delivery.ending) delivery.abandon();
    stop.abort();
  });
  await using child = await start(
    job,
    { pty, stderr: streamStderr ? "piped" : "inherit" },
    delivery,
  );
  forwarder.forwardTo(child);
  whenAborted(stop.signal, () => child.killAfter(graceMs));
  const cancel = new AbortController();
  void delivery.cancelled.then(() => {
    cancel.abort();
    void child.terminate({ firstMs: Math.min(FIRST_MS, graceMs / 2), graceMs });
  });
  const messages = messageInput(options);
  const signal = endOf(child, AbortSignal.any([stop.signal, cancel.signal]));
  const [copy] = await Promise.all([
    pipe(child.stdout, delivery, { tee, signal, messages }),
    streamStderr ? pipeLog(child.stderr!, delivery) : undefined,
  ]);
  if (child.cutOff) {
    complain(
      "what the command left in the background is not sent any more (to wait for it: end a script with wait)",
    );
  }
  const status = await child.status;
  const cancelled = cancel.signal.aborted;
  await endAndFlush(() => endJob(status, delivery, { cancelled, messages, usage }), copy);
}

/** Aborted once a command that was to end, since `asked` was aborted, has ended. */
function endOf(child: Child, asked: AbortSignal): AbortSignal {
  const ended = new AbortController();
  const end = () => ended.abort();
  whenAborted(asked, () => void child.status.then(end, end));
  return ended.signal;
}

function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}

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
    await endBadly(delivery, "the command could not be started", details);
    throw new ExitCode(error.exitCode);
  }
}

/** Ends the stream of a command as the command ended. */
async function endJob(
  { code, signal }: ChildStatus,
  delivery: Delivery,
  { cancelled, messages, usage }: InputEnd & { readonly cancelled: boolean },
): Promise<void> {
  if (cancelled) {
    await endCancelled(delivery, { exit_code: code, signal });
    throw new ExitCode(code === 0 ? 7 : code);
  }
  if (code === 0) return await endWell(delivery, { messages, usage });
  const said = messages?.ending?.error;
  const [message, details] = said !== undefined
    ? [said.message, { code: said.code, exit_code: code, signal }]
    : signal === undefined
    ? [`the command ended with exit code ${code}`, { code: "exit", exit_code: code }]
    : [`the command was ended by ${signal}`, { code: "signal", signal }];
  await endBadly(delivery, message, details);
  throw new ExitCode(code);
}
