/**
 * The sending side of a client's socket.
 *
 * @module
 */

import type { ClientSocket } from "./client_socket.ts";

/** What is asked of a socket. */
type Outgoing = Pick<ClientSocket, "write" | "writableLength" | "destroyed">;

/** Options of {@linkcode SocketWriter}. */
export interface SocketWriterOptions {
  readonly clock: { readonly now: number };
  /** The socket has taken a piece that it had not taken at once (default: nobody asks). */
  readonly taken?: () => void;
  /** Everything is written, after a `write` that returned `false`. */
  readonly emptied: () => void;
}

/** Bytes go to the socket in pieces of this many, so that a slow reader's progress shows. */
const PIECE_BYTES = 256 * 1024;

/** Writes to a socket no faster than it takes, and knows since when it takes nothing. */
export class SocketWriter {
  readonly #socket: Outgoing;
  readonly #options: SocketWriterOptions;
  /** What is to be written once the socket has taken the piece before. */
  readonly #queue: Uint8Array[] = [];
  #blockedAt = 0;

  constructor(socket: Outgoing, options: SocketWriterOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Since when the socket has taken nothing although there is something for it, ms; 0 while it has taken everything. */
  get blockedAt(): number {
    return this.#blockedAt;
  }

  /** Whether the socket has not even been given everything. */
  get queued(): boolean {
    return this.#queue.length > 0;
  }

  /** Writes. `true`: the system has taken all of it. `false`: the bytes are still being read from, until `emptied` is called. */
  write(bytes: Uint8Array): boolean {
    if (bytes.length <= PIECE_BYTES && this.#queue.length === 0 && this.#blockedAt === 0) {
      return this.#give(bytes); // the usual case, once for each reader and batch
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#queue.push(bytes.subarray(at, at + PIECE_BYTES));
    }
    return this.#pump();
  }

  /** The socket is gone: nothing is written any more, and nobody called. */
  drop(): void {
    this.#queue.length = 0;
    this.#blockedAt = 0;
  }

  /** Writes what the socket takes; `true` when it has taken everything. */
  #pump(): boolean {
    while (this.#queue.length > 0 && this.#blockedAt === 0) this.#give(this.#queue.shift()!);
    return this.#blockedAt === 0;
  }

  /**
   * Writes one piece; `true` when the socket has taken it at once. A socket that is not empty is no reason to wait: with
   * TLS the answer to the handshake may still be in it, and no callback tells when that is gone.
   */
  #give(piece: Uint8Array): boolean {
    const socket = this.#socket;
    socket.write(piece, this.#written);
    if (socket.writableLength === 0) return true;
    if (this.#blockedAt === 0) this.#blockedAt = this.#options.clock.now;
    return false;
  }

  readonly #written = (error?: Error | null): void => {
    // a reset calls back, too, with the error or once all is over: what the socket had has gone nowhere
    if (error || this.#socket.destroyed) return;
    if (this.#blockedAt === 0 || this.#socket.writableLength > 0) return;
    this.#blockedAt = 0;
    this.#options.taken?.();
    if (this.#pump()) this.#options.emptied();
  };
}
