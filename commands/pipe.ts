/**
 * Bytes → tokens of a channel.
 *
 * @module
 */

import { TokenSplitter } from "../src/protocol/token_splitter.ts";
import { RelayError } from "../src/errors.ts";
import type { Delivery } from "./delivery.ts";
import type { MessageInput } from "./message_input.ts";
import { reasonOf } from "./options.ts";
import { Output } from "./output.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions {
  /** Reads the input as messages (default: it is text, to be cut into tokens). */
  readonly messages?: MessageInput;
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

/** Bytes read at a time. */
const READ_BYTES = 64 * 1024;

/**
 * Chunks of stdin, ended early by `signal`. A chunk is valid until the next one is asked for: one buffer is used again and
 * again, as a fast pipe would otherwise leave memory behind faster than it is collected.
 */
export async function* stdinChunks(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Deno.stdin.readable.getReader({ mode: "byob" });
  const stop = () => void reader.cancel();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    let buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const { done, value } = await read(reader, buffer);
      if (done) return;
      yield value;
      buffer = new Uint8Array(value.buffer);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** @throws {RelayError} `usage` where stdin cannot be read. */
async function read(
  reader: ReadableStreamBYOBReader,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
  try {
    return await reader.read(buffer);
  } catch (cause) {
    throw new RelayError("usage", `Cannot read stdin: ${reasonOf(cause)}`, { cause });
  }
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
