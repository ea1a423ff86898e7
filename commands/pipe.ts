/**
 * Bytes → tokens of a channel.
 *
 * @module
 */

import { TokenSplitter } from "../src/protocol/token_splitter.ts";
import type { Delivery } from "./delivery.ts";
import { Output } from "./output.ts";
import { complain } from "./terminal.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions {
  /** Copy the input to stdout. */
  readonly tee: boolean;
  /** Stops reading. */
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
  { tee, signal }: PipeOptions,
): Promise<Output | undefined> {
  const splitter = new TokenSplitter();
  const output = tee ? new Output(signal) : undefined;
  let told = false;
  const send = async (tokens: string[]) => {
    if (splitter.replaced && !told) {
      told = true;
      complain("the input is not all UTF-8: U+FFFD stands for the bytes that are not");
    }
    await delivery.send(tokens.map((content) => ({ type: "token", content })));
  };
  for await (const chunk of input) {
    await output?.write(chunk);
    await send(splitter.feed(chunk));
  }
  await send(splitter.end());
  return output;
}

/** Chunks of a stream, ended early by `signal`. */
export async function* chunks(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
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
