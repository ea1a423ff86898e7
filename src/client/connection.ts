/**
 * A client's connection to a relay.
 *
 * @module
 */

import { type RawData, WebSocket } from "ws";
import { authorization } from "./authorization.ts";
import { type Closing, closingError } from "./connection_error.ts";
import { type HandshakeOptions, shakeHands } from "./handshake.ts";

/** Options of {@linkcode Connection.open}. */
export interface ConnectionOptions extends Omit<HandshakeOptions, "onSocket"> {
  /**
   * The relay's secret, or a token made from it, sent in the `Authorization` header. Where no header can hold it, it is the first message of a
   * plain connection, and {@linkcode Connection.credential} of a resumable one.
   */
  secret?: string;
}

/** For a peer to answer a goodbye, ms. */
const GOODBYE_MS = 10_000;
/** For a goodbye to be sent, ms. */
const LEAVE_MS = 200;
/** Below every idle limit of proxies on the way. */
const PING_INTERVAL_MS = 15_000;
/** Two missed pongs and some. */
const DEAD_AFTER_MS = 40_000;
/** Messages read ahead of the caller; over it the socket is not read, and the relay waits. */
const READ_AHEAD_MESSAGES = 1024;
const READ_AHEAD_BYTES = 1024 * 1024;
/** Bytes not yet taken by the system at which `send` asks to wait. */
const WRITE_AHEAD_BYTES = 1024 * 1024;

/**
 * A WebSocket to a relay with bounded memory both ways, and a pulse: a peer that is silent for 40 s is dead.
 * The frames are npm `ws`' business, as are handshake and TLS.
 */
export class Connection {
  /** Resolves when the connection is over. */
  readonly closed: Promise<Closing>;
  /** Whether the relay speaks the resumable protocol. */
  resumable = false;
  /** The secret that is to go into the hello. */
  credential: string | undefined;

  readonly #socket: WebSocket;
  readonly #queue: (string | Uint8Array)[] = [];
  #queuedBytes = 0;
  #heardAt = performance.now();
  #closing: Closing | undefined;
  /** Whether nothing is read any more. */
  #left = false;
  #reader: (() => void) | undefined;
  readonly #writers: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = promise;
    const pulse = setInterval(() => this.#beat(), PING_INTERVAL_MS);
    socket.binaryType = "nodebuffer";
    socket.on("message", (data: RawData, binary: boolean) => {
      this.#received(binary ? data as Uint8Array : data.toString());
    });
    socket.on("pong", () => this.#heard());
    socket.on("ping", () => this.#heard());
    socket.on("error", () => {}); // `close` follows and says how it ended
    socket.on("close", (code: number, reason: Uint8Array) => {
      clearInterval(pulse);
      this.#closing = { code, reason: new TextDecoder().decode(reason) };
      this.#reader?.();
      this.#writers.splice(0).forEach((wake) => wake());
      resolve(this.#closing);
    });
  }

  /**
   * Connects.
   *
   * @throws {RelayError} `unreachable`, saying what to look at; `unauthorized` where a proxy or relay answers 401 or 403.
   */
  static async open(url: URL, options: ConnectionOptions = {}): Promise<Connection> {
    let connection!: Connection;
    const { resumable } = await shakeHands(url, {
      ...options,
      onSocket: (socket) => connection = new Connection(socket),
    });
    connection.resumable = resumable;
    const { secret } = options;
    if (secret && authorization(secret) === undefined) {
      if (resumable) connection.credential = secret;
      else await connection.send(JSON.stringify({ type: "auth", secret }));
    }
    return connection;
  }

  /** Sends one message; bytes must not change until then. Resolves at once while there is room, else when there is; rejects with why the connection ended. */
  send(data: string | Uint8Array): Promise<void> | void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return this.closed.then((closing) => Promise.reject(closingError(closing, "unreachable")));
    }
    this.#socket.send(data, () => {
      if (this.#socket.bufferedAmount === 0) this.#writers.splice(0).forEach((wake) => wake());
    });
    if (this.#socket.bufferedAmount > WRITE_AHEAD_BYTES) {
      return new Promise((resolve) => this.#writers.push(resolve));
    }
  }

  /** The next message, text or bytes; `undefined` once the connection is over and everything was read. */
  async receive(): Promise<string | Uint8Array | undefined> {
    while (this.#queue.length === 0) {
      if (this.#closing !== undefined || this.#left) return undefined;
      await new Promise<void>((resolve) => this.#reader = resolve);
      this.#reader = undefined;
    }
    const data = this.#queue.shift()!;
    this.#queuedBytes -= data.length;
    if (
      this.#socket.isPaused && this.#queue.length < READ_AHEAD_MESSAGES / 2 &&
      this.#queuedBytes < READ_AHEAD_BYTES / 2
    ) this.#socket.resume();
    return data;
  }

  /**
   * Says goodbye after all that was sent; resolves when the peer has answered, or after 10 s. What still comes is dropped:
   * the answer is behind it.
   */
  async close(code = 1000): Promise<Closing> {
    this.#leave();
    if (this.#socket.isPaused) this.#socket.resume(); // or the peer's answer is never read
    this.#socket.close(code);
    const killer = setTimeout(() => this.#socket.terminate(), GOODBYE_MS);
    const closing = await this.closed;
    clearTimeout(killer);
    return closing;
  }

  /** Says goodbye and waits for nothing: a peer that hears it need not wait for us to come back. */
  leave(): void {
    this.#socket.close(1000);
    Deno.unrefTimer(setTimeout(() => this.#socket.terminate(), LEAVE_MS));
    this.#leave();
  }

  #leave(): void {
    this.#left = true;
    this.#queue.length = this.#queuedBytes = 0;
    this.#reader?.();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.terminate();
  }

  /** Cuts the connection unless a goodbye is under way. */
  destroyUnlessClosing(): void {
    if (this.#socket.readyState !== WebSocket.CLOSING) this.destroy();
  }

  #received(data: string | Uint8Array): void {
    this.#heard();
    if (this.#left) return;
    this.#queue.push(data);
    this.#queuedBytes += data.length;
    if (this.#queue.length >= READ_AHEAD_MESSAGES || this.#queuedBytes >= READ_AHEAD_BYTES) {
      this.#socket.pause();
    }
    this.#reader?.();
  }

  #heard(): void {
    this.#heardAt = performance.now();
  }

  #beat(): void {
    // a socket we do not read cannot tell whether its peer lives
    if (this.#socket.isPaused) this.#heard();
    else if (performance.now() - this.#heardAt > DEAD_AFTER_MS) this.#socket.terminate();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }
}
