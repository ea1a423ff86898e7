/**
 * How `produce` ends a stream.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import type { ErrorDetails } from "../src/client/producer.ts";
import type { Delivery } from "./delivery.ts";
import { ExitCode } from "./exit.ts";
import type { MessageInput } from "./message_input.ts";
import type { Output } from "./output.ts";
import { complain } from "./terminal.ts";

/** What an input that was read to its end has said. */
export interface InputEnd {
  /** Its messages, where it was messages. */
  readonly messages: MessageInput | undefined;
  /** Goes into `done`, whatever the input said. */
  readonly usage: Record<string, unknown> | undefined;
}

/**
 * Ends the stream of an input that was read to its end: as that says, or as done.
 *
 * @throws {ExitCode} 1 where the input said error.
 * @throws {RelayError} where the relay has not confirmed the end; `too_big` where a line is missing.
 */
export async function endWell(delivery: Delivery, { messages, usage }: InputEnd): Promise<void> {
  const { error, usage: counted } = messages?.ending ?? {};
  if (error !== undefined) {
    const { message, code, exit_code, signal } = error;
    await delivery.error(message, { code, exit_code, signal });
    throw new ExitCode(1);
  }
  if (!messages?.incomplete) return await delivery.done(usage ?? counted);
  const gone = "a line was too long and is missing";
  await endBadly(delivery, gone, { code: "too_big" });
  throw new RelayError("too_big", `The stream is not complete: ${gone}`);
}

/**
 * Ends the stream with an error where the exit code is to tell something else than whether that was delivered: it is said
 * where it was not.
 */
export async function endBadly(
  delivery: Delivery,
  message: string,
  details: ErrorDetails,
): Promise<void> {
  await told(() => delivery.error(message, details));
}

/** Ends a stream that a consumer has cancelled; `details` say how its command ended, where there was one. */
export async function endCancelled(
  delivery: Delivery,
  details: Omit<ErrorDetails, "code"> = {},
): Promise<void> {
  await endBadly(delivery, "cancelled by a consumer", { code: "cancelled", ...details });
  complain("cancelled by a consumer");
}

/**
 * Ends a stream by `end`, and has stdout take the rest of its copy after that: a full disk does not cost consumers the end.
 * Where both fail the copy's failure is said, and that of `end` thrown.
 *
 * @throws what `end` throws.
 * @throws {RelayError} `incomplete` where stdout could not be written to.
 */
export async function endAndFlush(
  end: () => Promise<void>,
  copy: Pick<Output, "flush"> | undefined,
): Promise<void> {
  try {
    await end();
  } catch (error) {
    await told(async () => await copy?.flush());
    throw error;
  }
  await copy?.flush();
}

/** Says what went wrong where the exit code is to tell something else. */
async function told(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    complain(error.message);
  }
}
