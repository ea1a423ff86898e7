/**
 * How a WebSocket to a relay comes to stand.
 *
 * @module
 */

import type { ClientRequest, IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../protocol/control.ts";
import { authorization } from "./authorization.ts";
import { refusedError, unreachableError } from "./connection_error.ts";
import { type ProxyRoute, proxyRoute } from "./proxy_route.ts";

/** Options of {@linkcode shakeHands}. */
export interface HandshakeOptions {
  /** Shown in the `Authorization` header, where that can hold it (default none). */
  secret?: string;
  /** Offer the resumable protocol (default false). */
  resumable?: boolean;
  /** Time for the connection to stand, ms (default 10,000); then `unreachable`. */
  connectTimeoutMs?: number;
  /** Gives up when aborted. */
  signal?: AbortSignal;
  /** Given the socket before anything can happen to it: the first message may come along with the answer. */
  onSocket: (socket: WebSocket) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Longest answer that is looked at for why there is no WebSocket, characters. */
const MAX_REFUSAL_LENGTH = 4_096;
/** Time for the rest of that answer, ms. */
const REFUSAL_TIMEOUT_MS = 1_000;
/** Largest message taken from a relay, bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Connects, through a proxy where the environment names one; resolves with whether the relay took the resumable protocol.
 * After a failure nothing is left of the socket.
 *
 * @throws {RelayError} `unreachable`, saying what to look at; `unauthorized` where a proxy or relay answers 401 or 403.
 */
export async function shakeHands(
  url: URL,
  options: HandshakeOptions,
): Promise<{ resumable: boolean }> {
  const { signal } = options;
  signal?.throwIfAborted();
  const failed = new AbortController();
  const proxy = await proxyRoute(url, failed.signal);
  signal?.throwIfAborted();
  const socket = newSocket(url, options, proxy);
  const answer = answerOf(socket, options.resumable);
  options.onSocket(socket);
  try {
    await stand(socket, url, { ...options, proxy });
    signal?.throwIfAborted();
    return answer;
  } catch (error) {
    socket.terminate();
    failed.abort();
    throw error;
  }
}

function newSocket(url: URL, options: HandshakeOptions, proxy: ProxyRoute | undefined): WebSocket {
  const Authorization = authorization(options.secret);
  return new WebSocket(url.href, options.resumable ? [SUBPROTOCOL] : [], {
    headers: Authorization === undefined ? {} : { Authorization },
    agent: proxy?.agent,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
}

/** What the relay answers, once it has. */
function answerOf(socket: WebSocket, offered = false): { resumable: boolean } {
  const answer = { resumable: false };
  socket.once("upgrade", ({ headers }: IncomingMessage) => {
    answer.resumable = headers["sec-websocket-protocol"] === SUBPROTOCOL;
    // a relay that does not know what was offered is a plain one (RFC 6455 §4.1), which the library takes for a fault
    if (offered) headers["sec-websocket-protocol"] ??= SUBPROTOCOL;
  });
  return answer;
}

/** The message in the body of an error of a relay; empty where there is none. What is cut off or endless is left alone. */
async function saidBy(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 403) return ""; // all others say it by their status
  const timer = setTimeout(() => response.destroy(), REFUSAL_TIMEOUT_MS);
  try {
    let body = "";
    for await (const chunk of response) {
      body += chunk;
      if (body.length > MAX_REFUSAL_LENGTH) return "";
    }
    return String(JSON.parse(body).error.message);
  } catch {
    return ""; // of a proxy, or of no relay: the status alone says what there is to say
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the socket is open; rejects with why it will not be. */
async function stand(
  socket: WebSocket,
  url: URL,
  { signal, connectTimeoutMs, proxy }: HandshakeOptions & { proxy?: ProxyRoute },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (cause: Error) => reject(unreachableError(url, cause, proxy?.host));
  const abort = () => reject(signal!.reason);
  socket.once("open", resolve);
  socket.once("error", fail);
  socket.once("unexpected-response", (_: ClientRequest, response: IncomingMessage) => {
    void saidBy(response).then((words) => reject(refusedError(url, response, words)));
  });
  signal?.addEventListener("abort", abort, { once: true });
  // the library's own limit begins with a proxy's answer, and anew with each byte
  const timer = setTimeout(
    () => fail(new Error("timed out")),
    connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  );
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
