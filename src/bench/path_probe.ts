/**
 * The way to a relay and back, without a stream.
 *
 * @module
 */

import { WebSocket } from "ws";
import { authorization } from "../client/authorization.ts";
import { proxyRoute } from "../client/proxy_route.ts";
import { relayPath } from "../client/relay_url.ts";
import { RelayError } from "../errors.ts";

/** Time for a connection, and for an answer, ms. */
const LIMIT_MS = 10_000;

/** Options of {@linkcode PathProbe.open}. */
export interface PathProbeOptions {
  /** A channel that nobody produces. */
  readonly channel: string;
  readonly secret?: string;
  /** Ends it when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Measures what the way costs: a WebSocket ping (RFC 6455 §5.5.2) has nothing in it and is answered before all else, but takes
 * the same proxies, the same TLS and an open connection like those of a stream.
 *
 * @example
 * ```ts
 * import { PathProbe } from "./path_probe.ts";
 * import { startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * using probe = await PathProbe.open(relay.url, { channel: "nobodys" });
 * assert.ok(await probe.roundTripMs() > 0);
 * ```
 */
export class PathProbe implements Disposable {
  readonly #socket: WebSocket;
  readonly #end: () => void;
  readonly #signal: AbortSignal | undefined;

  private constructor(socket: WebSocket, signal: AbortSignal | undefined) {
    this.#socket = socket;
    this.#signal = signal;
    this.#end = () => socket.terminate();
    socket.on("error", () => {}); // `close` follows
    signal?.addEventListener("abort", this.#end, { once: true });
  }

  /** @throws {RelayError} `unreachable` where there is no connection. */
  static async open(url: string, options: PathProbeOptions): Promise<PathProbe> {
    const { channel, secret, signal } = options;
    signal?.throwIfAborted();
    const target = relayPath(url, `/consume/${channel}`);
    const late = new AbortController();
    const proxy = await proxyRoute(target, late.signal);
    const Authorization = authorization(secret);
    const socket = new WebSocket(target.href, [], {
      headers: Authorization === undefined ? {} : { Authorization },
      agent: proxy?.agent,
      handshakeTimeout: LIMIT_MS,
      perMessageDeflate: false,
    });
    const probe = new PathProbe(socket, signal);
    const timer = setTimeout(() => late.abort(), LIMIT_MS); // a proxy may be silent
    try {
      await probe.#heard("open");
    } catch (error) {
      probe[Symbol.dispose]();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (secret !== undefined && Authorization === undefined) {
      socket.send(JSON.stringify({ type: "auth", secret }));
    }
    return probe;
  }

  /**
   * One round trip, ms.
   *
   * @throws {RelayError} `unreachable` where no answer comes.
   */
  async roundTripMs(): Promise<number> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw lost();
    const answer = this.#heard("pong");
    const sentAt = performance.now();
    this.#socket.ping();
    return await answer - sentAt;
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#end);
    this.#end();
  }

  /** Resolves to the time of an event; rejects where the connection ends, or nothing comes, before it. */
  #heard(event: "open" | "pong"): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const arrived = () => resolve(performance.now());
    const closed = () => reject(lost());
    const late = new RelayError("unreachable", "The relay does not answer pings");
    const timer = setTimeout(() => reject(late), LIMIT_MS);
    this.#socket.once(event, arrived);
    this.#socket.once("close", closed);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#socket.off(event, arrived);
      this.#socket.off("close", closed);
    });
  }
}

function lost(): RelayError {
  return new RelayError("unreachable", "The connection was lost");
}
