/**
 * What `streamrelay produce` does with stdin.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { Delivery } from "./delivery.ts";
import { ExitCode } from "./exit.ts";
import { GraceLimit } from "./grace_limit.ts";
import { Interrupt, type Interrupted } from "./interrupt.ts";
import { pipe } from "./pipe.ts";
import { messageInput, type RunOptions } from "./run_options.ts";
import { stdinChunks } from "./stdin_chunks.ts";
import { endAndFlush, endBadly, endCancelled, endWell, type InputEnd } from "./stream_end.ts";
import { complain } from "./terminal.ts";

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
    await endBadly(delivery, "the producer's input could not be read", { code: "input" });
    throw error;
  }
  const end = () =>
    endInput(delivery, {
      messages,
      usage: options.usage,
      cancelled: cancel.signal.aborted,
      received: interrupt.received,
    });
  try {
    await endAndFlush(end, copy);
  } catch (error) {
    if (interrupt.received === undefined || !(error instanceof RelayError)) throw error;
    complain(error.message); // it was interrupted while it waited for the relay, or for stdout
    throw new ExitCode(interrupt.received.exitCode);
  }
}

/** What has ended the reading of stdin. */
interface ReadingEnd extends InputEnd {
  readonly cancelled: boolean;
  readonly received: Interrupted | undefined;
}

/** Ends the stream of stdin as it ended. */
async function endInput(
  delivery: Delivery,
  { cancelled, received, ...input }: ReadingEnd,
): Promise<void> {
  if (cancelled) {
    await endCancelled(delivery);
    throw new ExitCode(7);
  }
  if (received === undefined) return await endWell(delivery, input);
  if (!delivery.reached) delivery.abandon(); // nobody knows of this stream: no news to wait for
  const name = received.received;
  const details = { code: "signal", signal: name };
  await endBadly(delivery, `the producer was stopped by ${name}`, details);
  throw new ExitCode(received.exitCode);
}
