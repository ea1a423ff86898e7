/**
 * Reading sockets without memory for each read.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { ClientSocket } from "./client_socket.ts";
import { KernelSocket } from "./kernel_socket.ts";

/** Chunks from this size on are freed by hand, bytes. */
const WORTH_FREEING = 4096;

/**
 * What all sockets are read into, one after the other: each read is over before the next one begins. Of 64, 128, 256 and
 * 512 KiB this carries the most messages of 4 KiB.
 */
const shared = new Uint8Array(256 * 1024);

/** The two fields of a socket that the option `onread` of `net.connect` fills, and what it calls. */
interface Reading {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly handle: { useUserBuffer(bytes: Uint8Array): void };
}

/**
 * Calls `take` with what is read from `socket`, as long as that is not paused. The bytes are `take`'s to write over, and only
 * until it returns.
 *
 * A read into a buffer of the runtime's costs a tenth of what relaying a small message does, and many of them hold everything
 * up when they are collected (docs/performance.md, "What was done for it"). `net.connect` can be told to read into a buffer
 * of the caller's; for a socket that was accepted there is no such option, so what the option does is done here. Where a
 * runtime does not let that be done, and with TLS, reading works as ever. Sockets of the kernel's come with all that.
 */
export function readSocket(socket: ClientSocket, take: (bytes: Uint8Array) => void): void {
  if (socket instanceof KernelSocket) return socket.onRead(take);
  readRuntimeSocket(socket as Socket, take);
}

function readRuntimeSocket(socket: Socket, take: (bytes: Uint8Array) => void): void {
  const reading = readingOf(socket);
  if (reading === undefined) {
    socket.on("data", (chunk: Uint8Array) => {
      take(chunk);
      free(chunk);
    });
    return;
  }
  const fields = socket as unknown as Record<symbol, unknown>;
  fields[reading.buffer] = shared;
  fields[reading.callback] = (size: number) => {
    take(shared.subarray(0, size));
    return true; // false would stop the reading, which is for `pause` to do
  };
  reading.handle.useUserBuffer(shared);
  if (!socket.isPaused()) socket.resume();
}

/** Whether {@linkcode readSocket} reads it into memory of ours. */
export function readsShared(socket: Socket): boolean {
  return readingOf(socket) !== undefined;
}

function readingOf(socket: Socket): Reading | undefined {
  if ("encrypted" in socket) return undefined;
  const { _handle: handle } = socket as Socket & { _handle?: Partial<Reading["handle"]> | null };
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback] = ["kBuffer", "kBufferCb"].map((name) => {
    return symbols.find(({ description }) => description === name);
  });
  if (buffer === undefined || callback === undefined) return undefined;
  if (typeof handle?.useUserBuffer !== "function") return undefined;
  return { buffer, callback, handle: handle as Reading["handle"] };
}

/**
 * What was read has been copied to where it is kept: freeing it now instead of at the next collection lets the allocator hand
 * out the same warm pages again (measured: a third of all CPU time went into clearing fresh ones).
 */
function free(chunk: Uint8Array): void {
  if (chunk.byteLength < WORTH_FREEING || chunk.byteLength !== chunk.buffer.byteLength) return;
  (chunk.buffer as ArrayBuffer).transfer(0);
}
