/**
 * Bytes → tokens of a channel.
 *
 * @module
 */

import { TokenSplitter } from "../src/protocol/token_splitter.ts";
import type { Delivery } from "./delivery.ts";
import type { MessageInput } from "./message_input.ts";
import { Output } from "./output.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions {
  /** Reads the input as messages (default: it is text, to be cut into tokens). */
  readonly messages?: MessageInput;
  /** Copy the input to stdout. */
  readonly tee: boolean;
  /** Aborted: stdout has a second to take what is left of the copy. */
  readonly signal: AbortSignal;
}

/**
 * Sends `input` as tokens until its end. Whether the relay takes them stops neither the reading nor the copying, because
 * that would stop the job. Resolves with the copy, which is to be flushed once the stream has been ended: a full disk does
 * not cost the consumers the end.
 */
export async function pipe(
  input: AsyncIterable<Uint8Array>,
  delivery: Delivery,
  { tee, signal, messages }: PipeOptions,
): Promise<Output | undefined> {
  const output = tee ? new Output(signal) : undefined;
  for await (const chunk of input) {
    await output?.write(chunk);
    if (messages === undefined) await delivery.sendText(chunk);
    else await messages.send(chunk, delivery);
  }
  await messages?.end(delivery);
  return output;
}

/** Sends a program's stderr as messages of type `log`, a line each. */
export async function pipeLog(
  input: AsyncIterable<Uint8Array>,
  delivery: Delivery,
): Promise<void> {
  const splitter = new TokenSplitter();
  const send = (lines: string[]) =>
    delivery.send(lines.map((content) => ({ type: "log", stream: "stderr", content })));
  for await (const chunk of input) await send(splitter.feed(chunk));
  await send(splitter.end());
}
