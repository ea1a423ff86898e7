/**
 * Requests that come before the one ahead of them is answered.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that may wait on one connection; at one more it is cut. */
const MAX_WAITING = 16;

/**
 * Lets the requests of a connection in one after the other (RFC 9112 §9.3.2). What is decided for a request that waits would
 * be stale by its turn: an answer ahead of it may be a stream, and last for hours.
 */
export class Pipeline {
  /** Requests of a connection that wait for the answer to an earlier one. */
  readonly #waiting = new WeakMap<Socket, number>();

  /**
   * Resolves when `response` is the one to be answered next on its connection, or that is over. Behind a stream without an
   * end no more than a few may gather.
   */
  async turnOf({ socket }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (response.socket !== null) return;
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    this.#waiting.set(socket, waiting);
    if (waiting > MAX_WAITING) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("socket", () => resolve());
    response.once("close", () => resolve());
    await promise;
    this.#waiting.set(socket, this.#waiting.get(socket)! - 1);
  }
}
