/**
 * stdin, for data.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";

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
