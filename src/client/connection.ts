/**
 * A client's connection to a relay.
 *
 * @module
 */

import type { ClientRequest, IncomingMessage } from "node:http";
import { type RawData, WebSocket } from "ws";
import { type ErrorCode, errorOfClose, ERRORS, RelayError } from "../errors.ts";
import { SUBPROTOCOL } from "../protocol/control.ts";
import { proxyRoute } from "./proxy_route.ts";

/** Options of {@linkcode Connection.open}. */
export interface ConnectionOptions {
  /**
   * The relay's secret, or a token made from it, sent in the `Authorization` header. Where no header can hold it, it is the first message of a
   * plain connection, and {@linkcode Connection.credential} of a resumable one.
   */
  secret?: string;
  /** Offer the resumable protocol; {@linkcode Connection.resumable} tells whether the relay took it (default false). */
  resumable?: boolean;
  /** Time for the connection to stand, ms (default 10,000); then `unreachable`. */
  connectTimeoutMs?: number;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

/** How a connection ended. */
export interface Closing {
  /** Close code of the peer; 1006 where it said nothing. */
  readonly code: number;
  readonly reason: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
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
/** Largest message taken from a relay, bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** What a header carries as it is, RFC 9110 §5.5: visible ASCII, spaces inside. */
const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

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
    const { secret, signal, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    signal?.throwIfAborted();
    const inHeader = isHeaderValue(secret);
    const headers = inHeader ? { Authorization: `Bearer ${secret}` } : {};
    const failed = new AbortController();
    const proxy = await proxyRoute(url, failed.signal);
    signal?.throwIfAborted();
    const socket = new WebSocket(url.href, options.resumable ? [SUBPROTOCOL] : [], {
      headers,
      agent: proxy?.agent,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    });
    const connection = new Connection(socket);
    socket.once("upgrade", ({ headers }: IncomingMessage) => {
      connection.resumable = headers["sec-websocket-protocol"] === SUBPROTOCOL;
      // a relay that does not know what was offered is a plain one (RFC 6455 §4.1), which the library takes for a fault
      if (options.resumable) headers["sec-websocket-protocol"] ??= SUBPROTOCOL;
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (cause: Error) => reject(unreachable(url, cause, proxy?.host));
    const abort = () => reject(signal!.reason);
    socket.once("open", resolve);
    socket.once("error", fail);
    socket.once("unexpected-response", (_: ClientRequest, response: IncomingMessage) => {
      reject(refused(url, response));
    });
    signal?.addEventListener("abort", abort, { once: true });
    // the library's own limit begins with a proxy's answer, and anew with each byte
    const timer = setTimeout(() => fail(new Error("timed out")), connectTimeoutMs);
    try {
      await promise;
      signal?.throwIfAborted();
    } catch (error) {
      socket.terminate();
      failed.abort();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
    if (secret && !inHeader) {
      if (connection.resumable) connection.credential = secret;
      else await connection.send(JSON.stringify({ type: "auth", secret }));
    }
    return connection;
  }

  /** Whether what was sent has been taken by the system. */
  get idle(): boolean {
    return this.#socket.bufferedAmount === 0;
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

  /** Whether a message can be had without waiting. */
  get ready(): boolean {
    return this.#queue.length > 0;
  }

  /**
   * Says goodbye after all that was sent; resolves when the peer has answered, or after 10 s. What still comes is dropped:
   * the answer is behind it.
   */
  async close(code = 1000): Promise<Closing> {
    this.#leave();
    if (this.#socket.isPaused) this.#socket.resume(); // or the peer's answer is never read
    this.#socket.close(code);
    const killer = setTimeout(() => this.#socket.terminate(), CONNECT_TIMEOUT_MS);
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

/** Whether there is a secret and the `Authorization` header can hold it. */
export function isHeaderValue(secret: string | undefined): secret is string {
  return secret !== undefined && HEADER_VALUE.test(secret);
}

/** The error that a relay's close code stands for; `fallback` where the code is no error of ours. */
export function closingError({ code, reason }: Closing, fallback: ErrorCode): RelayError {
  const known = errorOfClose(code);
  if (known === undefined) {
    return new RelayError(fallback, `The connection to the relay was lost (${code})`);
  }
  // a peer's words go to a terminal: nothing but printable characters
  const words = reason.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "");
  return new RelayError(known, `The relay ended the connection: ${words || ERRORS[known].text}`, {
    retryAfterMs: known === "limit" ? wait(/\bretry in (\d+) s$/.exec(words)?.[1]) : undefined,
  });
}

function refused(url: URL, { statusCode: status = 0, headers }: IncomingMessage): RelayError {
  if (status === 401 || status === 403) {
    return new RelayError("unauthorized", `${url.host} refused the connection (HTTP ${status})`);
  }
  const retryAfterMs = wait(headers["retry-after"]);
  if (status === 429) {
    return new RelayError("limit", `${url.host} has no room for another connection (HTTP 429)`, {
      retryAfterMs,
    });
  }
  return new RelayError(
    "unreachable",
    `Cannot reach a relay at ${url.host}: it answers HTTP ${status} instead of a WebSocket. Is the URL that of a relay?`,
    { lasting: status < 500 && !BUSY.has(status), retryAfterMs },
  );
}

/** Seconds in ms, where a peer names any; not more than {@linkcode LONGEST_WAIT_MS}, whatever it says. */
function wait(seconds: string | undefined): number | undefined {
  if (seconds === undefined || !/^\d{1,6}$/.test(seconds)) return undefined;
  return Math.min(Number(seconds) * 1000, LONGEST_WAIT_MS);
}

const LONGEST_WAIT_MS = 60_000;

/** Answers below 500 of a server that may answer otherwise soon (RFC 9110 §15.5.9, RFC 8470 §5.2). */
const BUSY: ReadonlySet<number> = new Set([408, 425]);

function unreachable(url: URL, cause: Error, proxy: string | undefined): RelayError {
  const where = proxy === undefined ? url.origin : `${url.origin} through the proxy ${proxy}`;
  return new RelayError("unreachable", `Cannot reach the relay at ${where}: ${reason(cause)}`, {
    cause,
    lasting: isLasting(cause),
  });
}

type Failure = Error & { code?: string };

/** A certificate that is not trusted and a server that speaks something else stay what they are. */
function isLasting({ code = "", message }: Failure): boolean {
  return UNTRUSTED.test(code) || NO_TLS.test(message) || code === "HPE_INVALID_CONSTANT";
}

const UNTRUSTED = /CERT|VERIFY|ISSUER/;
const NO_TLS = /InvalidContentType|wrong version number/;

function reason({ code = "", message }: Failure): string {
  if (REASONS[code] !== undefined) return REASONS[code];
  if (UNTRUSTED.test(code)) {
    return `${message}. To trust a certificate authority of your own, set DENO_CERT=ca.pem`;
  }
  if (NO_TLS.test(message)) {
    return "what answers there does not speak TLS. Is it ws:// instead of wss://?";
  }
  return message.includes("timed out") ? "no answer in time" : message || code;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused. Is it running?",
  ENOTFOUND: "no such host. Check --url or RELAY_URL",
  EAI_AGAIN: "the host name cannot be looked up. Check --url or RELAY_URL",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to that host",
  ENETUNREACH: "no route to that network",
  ETIMEDOUT: "no answer in time",
  HPE_INVALID_CONSTANT: "what answers there is no web server. Is it wss:// instead of ws://?",
  ERR_INVALID_URL: "that is no URL",
};
