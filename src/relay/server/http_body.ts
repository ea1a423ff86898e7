/**
 * The body of an HTTP answer that is sent as it comes.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { asChunk } from "./body_frames.ts";
import { SocketWriter } from "./socket_writer.ts";

/** Who fills a body. */
export interface BodyOwner {
  /** Everything sent is written, after a `send` that returned `false`. */
  drained(): void;
  /** The answer is over, whoever ended it; called once. */
  gone(): void;
}

/** Options of {@linkcode HttpBody}. */
export interface HttpBodyOptions {
  readonly clock: { readonly now: number };
  /** How long the client may take nothing while there is something for it, ms; then it is cut off. */
  readonly stallTimeoutMs: number;
}

/** How long what was sent has to arrive before a client of HTTP/1.0 is told by a reset that it was not all, ms. */
const RESET_PATIENCE_MS = 1_000;
/** Silence after which the system asks whether the client is still there, ms. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Writes to the socket of an answer itself: what {@linkcode BodyFrames} made for all readers is framed already, and
 * `response.write` would frame it again for each of them, in three writes.
 */
export class HttpBody {
  /** Whether the client knows chunks: one of HTTP/1.0 does not. */
  readonly chunked: boolean;
  /** When something was last sent, ms. */
  sentAt: number;

  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #owner: BodyOwner;
  readonly #options: HttpBodyOptions;
  readonly #writer: SocketWriter;
  #ending: "whole" | "cut" | undefined;
  #resetAt = 0;
  #over = false;

  /** Sends the head of the answer. The response must have its socket: it is the one that is answered next. */
  constructor(response: ServerResponse, owner: BodyOwner, options: HttpBodyOptions) {
    this.#response = response;
    this.#socket = response.socket as Socket;
    this.#owner = owner;
    this.#options = options;
    this.#writer = new SocketWriter(this.#socket, {
      clock: options.clock,
      emptied: () => this.#emptied(),
    });
    this.chunked = response.req.httpVersion === "1.1";
    this.sentAt = options.clock.now;
    response.on("close", () => this.#gone());
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    response.flushHeaders();
  }

  /** Whether something is still to be taken. */
  get blocked(): boolean {
    return this.#writer.blockedAt > 0;
  }

  /** Sends bytes that are no chunk yet, see {@linkcode HttpBody.send}. */
  sendOwn(bytes: Uint8Array): boolean {
    return this.send(asChunk(bytes, this));
  }

  /**
   * Writes whole chunks. `true`: the system has taken them. `false`: they are still being read from, and the next call
   * should wait for {@linkcode BodyOwner.drained}.
   */
  send(chunks: Uint8Array): boolean {
    if (this.#ending !== undefined || this.#over) return false;
    this.sentAt = this.#options.clock.now;
    return this.#writer.write(chunks);
  }

  /** Ends the body after all that was sent: the client has got all of it. */
  end(): void {
    this.#finish("whole");
  }

  /**
   * Breaks the body off after all that was sent, so that the client sees that it is not whole (RFC 9112 §8): a chunked one
   * lacks its last chunk, one of HTTP/1.0 ends in a reset.
   */
  cut(): void {
    this.#finish("cut");
  }

  /** Keeps the time limits; called every second or so. */
  sweep(): void {
    const { clock: { now }, stallTimeoutMs } = this.#options;
    const { blockedAt } = this.#writer;
    if (blockedAt > 0 && now - blockedAt > stallTimeoutMs) this.#socket.destroy();
    if (this.#resetAt > 0 && now > this.#resetAt) this.#socket.resetAndDestroy();
  }

  #finish(ending: "whole" | "cut"): void {
    if (this.#ending !== undefined || this.#over) return;
    this.#ending = ending;
    if (!this.blocked) this.#close();
  }

  #close(): void {
    if (this.#ending === "whole") this.#response.end();
    else if (this.chunked) this.#socket.destroySoon();
    else this.#resetAt = this.#options.clock.now + RESET_PATIENCE_MS;
  }

  #emptied(): void {
    if (this.#ending !== undefined) this.#close();
    else this.#owner.drained();
  }

  #gone(): void {
    if (this.#over) return;
    this.#over = true;
    this.#writer.drop();
    this.#owner.gone();
  }
}
