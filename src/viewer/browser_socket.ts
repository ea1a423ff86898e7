/// <reference lib="dom" />
/**
 * A browser's WebSocket as something to read from.
 *
 * @module
 */

import { errorOfClose, ERRORS, RelayError } from "../errors.ts";
import { SUBPROTOCOL } from "../protocol/control.ts";

/** Time for a connection to stand, ms. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Bytes that may wait to be read. A browser's WebSocket cannot be told to wait, so over it the connection is given up, and
 * made again from where the page is once it has caught up.
 */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;

/** One connection. Its owner closes it. */
export class BrowserSocket {
  /** Whether it was given up because the page is slower than the relay: what was read by then is still handed out. */
  overrun = false;

  readonly #socket: WebSocket;
  readonly #queue: (string | Uint8Array)[] = [];
  #queuedBytes = 0;
  #over: RelayError | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.#received(typeof data === "string" ? data : new Uint8Array(data));
    });
    socket.addEventListener("close", ({ code, reason }) => this.#end(closeError(code, reason)));
  }

  /**
   * Connects.
   *
   * @throws {RelayError} `unreachable`, whatever the reason: browsers do not tell.
   */
  static async open(url: URL, signal: AbortSignal): Promise<BrowserSocket> {
    signal.throwIfAborted();
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    const opened = new BrowserSocket(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new RelayError("unreachable")), CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", abort, { once: true });
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => reject(new RelayError("unreachable")));
    try {
      await promise;
      return opened;
    } catch (error) {
      socket.close();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Sends a control message. A connection that is lost is noticed where it is read. */
  send(control: object): void {
    this.#socket.send(JSON.stringify(control));
  }

  /**
   * The next message, text or bytes.
   *
   * @throws {RelayError} why the connection ended, once everything was read.
   */
  async receive(): Promise<string | Uint8Array> {
    while (this.#queue.length === 0) {
      if (this.#over !== undefined) throw this.#over;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const data = this.#queue.shift()!;
    this.#queuedBytes -= data.length;
    return data;
  }

  /** Ends it; a read that waits is told `reason`. The browser says goodbye on its own. */
  close(reason: RelayError = new RelayError("unreachable")): void {
    this.#socket.close();
    this.#end(reason);
  }

  #received(data: string | Uint8Array): void {
    if (this.#over !== undefined) return;
    this.#queue.push(data);
    this.#queuedBytes += data.length;
    if (this.#queuedBytes > READ_AHEAD_BYTES) {
      this.overrun = true;
      this.close();
    }
    this.#wake?.();
  }

  #end(reason: RelayError): void {
    this.#over ??= reason;
    this.#wake?.();
  }
}

/** What a close code stands for; any that is none of ours is a connection that broke. */
function closeError(code: number, reason: string): RelayError {
  const known = errorOfClose(code);
  if (known === undefined) return new RelayError("unreachable", "the connection was lost");
  return new RelayError(known, reason || ERRORS[known].text);
}
