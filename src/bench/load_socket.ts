/**
 * The WebSockets that the load goes through.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { ClientRequest, IncomingMessage } from "node:http";
import { type RawData, WebSocket } from "ws";
import { authorization } from "../client/authorization.ts";
import { proxyRoute } from "../client/proxy_route.ts";
import { errorOfClose, RelayError } from "../errors.ts";
import { SUBPROTOCOL } from "../protocol/control.ts";

/** Time for a connection to stand, ms: thousands are made at a time. */
const CONNECT_MS = 20_000;
/** Time for the relay's goodbye, ms. */
const CLOSE_MS = 10_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** What happens to a {@linkcode LoadSocket}. */
export interface SocketEvents {
  /** A message came, in memory that is used again once this returns. */
  message(data: Buffer, binary: boolean): void;
  /** The connection, which stood, is over, whoever ended it. */
  closed(code: number, reason: string): void;
}

/** A WebSocket of the load, whatever it is made of. */
export interface Socket {
  /** Bytes that the system has not taken. */
  readonly waiting: number;
  /** Whether what is sent must not change any more. */
  readonly keeps: boolean;
  /** Sends a message. */
  send(data: string | Uint8Array, binary: boolean): void;
  /** Reads no more until {@linkcode Socket.resume}. */
  pause(): void;
  resume(): void;
  /** Says goodbye. */
  close(): void;
  /** Cuts the connection. */
  destroy(): void;
}

/** Options of {@linkcode LoadSocket.open}. */
export interface SocketOptions {
  readonly secret?: string;
  /** Whether version 2 is spoken. */
  readonly resumable: boolean;
  readonly events: SocketEvents;
}

/**
 * A WebSocket without what a client needs to live long: no queue, no pulse, no second try. It costs half of what a
 * `Connection` with its reader does, and that is the CPU of the relay it measures, where both share a machine.
 */
export class LoadSocket implements Socket {
  readonly keeps = true;
  readonly #socket: WebSocket;
  #killer: ReturnType<typeof setTimeout> | undefined;

  private constructor(socket: WebSocket, events: SocketEvents) {
    this.#socket = socket;
    socket.binaryType = "nodebuffer";
    socket.on("message", (data: RawData, binary) => events.message(data as Buffer, binary));
    socket.on("error", () => {}); // `close` follows
    let stood = false;
    socket.on("open", () => stood = true);
    socket.on("close", (code: number, reason: Buffer) => {
      clearTimeout(this.#killer);
      if (stood) events.closed(code, reason.toString());
    });
  }

  /**
   * Connects.
   *
   * @throws {RelayError} `unreachable`, `unauthorized` or `limit`.
   */
  static async open(url: URL, { secret, resumable, events }: SocketOptions): Promise<LoadSocket> {
    const headers = credentialHeaders(secret);
    const late = new AbortController();
    const proxy = await proxyRoute(url, late.signal);
    const socket = new WebSocket(url.href, resumable ? [SUBPROTOCOL] : [], {
      headers,
      agent: proxy?.agent,
      handshakeTimeout: CONNECT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("open", resolve);
    socket.once("error", (cause: Error) => reject(unreachable(cause)));
    socket.once("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
      reject(refusal(response.statusCode ?? 0));
      request.destroy();
    });
    const opened = new LoadSocket(socket, events);
    const timer = setTimeout(() => late.abort(), CONNECT_MS); // a proxy may be silent
    await promise.finally(() => clearTimeout(timer));
    return opened;
  }

  /** Bytes that the system has not taken. */
  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends a message; it must not change any more. */
  send(data: string | Uint8Array, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye. */
  close(): void {
    this.#socket.close(1000);
    this.#killer = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.terminate();
  }
}

/** The header that shows the credential. */
export function credentialHeaders(secret: string | undefined): Record<string, string> {
  if (secret === undefined) return {};
  const Authorization = authorization(secret);
  if (Authorization !== undefined) return { Authorization };
  throw new RelayError("usage", "The bench can only use a secret that an HTTP header can hold");
}

/** Why a connection could not be made. */
export function unreachable(cause: Error & { code?: string }): RelayError {
  const what = cause.message || cause.code || "unknown error";
  return new RelayError("unreachable", `A connection to the relay could not be made: ${what}`, {
    cause,
  });
}

/** What an answer that is no success says. */
export function refusal(status: number): RelayError {
  const code = status === 401 || status === 403
    ? "unauthorized"
    : status === 429
    ? "limit"
    : "unreachable";
  return new RelayError(code, `The relay refused a connection (HTTP ${status})`);
}

/** What a close that was not wanted says. */
export function lost(code: number, reason: string): RelayError {
  const known = errorOfClose(code) ?? "unreachable";
  const words = reason.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "");
  return new RelayError(known, `A connection was lost (${code}${words && `, ${words}`})`);
}
