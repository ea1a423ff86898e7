/**
 * Answers of HTTP that are not streams: errors, and what the other surfaces say.
 *
 * @module
 */

import { STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { getLogger } from "@logtape/logtape";
import { ERRORS, RelayError } from "../../errors.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** An answer that is there as a whole. */
export interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Left out for HEAD. */
  readonly body: string;
}

/** What every answer says, unless it says otherwise: it is not kept, guessed at, or told to others by its address. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** How long a client whose body is not wanted has to take the answer, ms. Cut off at once, it might not get to read it. */
const PATIENCE_MS = 3_000;
/** When to come back where nothing else is known, s. */
const RETRY_AFTER_S = 5;

/** Sends an answer. What has not come yet of the request's body is thrown away, and its connection is then closed. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers = {}, body }: Answer,
): void {
  if (response.headersSent || response.destroyed) return;
  for (const [name, value] of Object.entries({ ...COMMON_HEADERS, ...headers })) {
    if (value !== undefined) response.setHeader(name, value);
  }
  const bodiless = status === 204 || request.method === "HEAD";
  if (!bodiless) response.setHeader("Content-Length", new TextEncoder().encode(body).length);
  if (!request.complete && hasBody(request)) hangUpAfter(request, response);
  response.writeHead(status);
  response.end(bodiless ? undefined : body);
}

/** RFC 9112 §6.3. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** Options of {@linkcode sendError}. */
export interface ErrorAnswer {
  /** Status, where it is not that of the error's code. */
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
}

/** Answers with an error; what a peer may know of it is in the body. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: RelayError,
  { status = error.row.status, headers = {} }: ErrorAnswer = {},
): void {
  sendAnswer(request, response, {
    status,
    headers: { "Content-Type": "application/json", ...hints(status, error), ...headers },
    body: errorBody(error),
  });
}

/** Answers a request that cannot have what it wants. Whatever is not a known error is a bug, and logged as that. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  headers: OutgoingHttpHeaders,
): void {
  sendError(request, response, knownError(error), { headers });
}

/** The JSON text of an error. */
export function errorBody({ code, peerText: message }: RelayError): string {
  return JSON.stringify({ error: { code, message } });
}

function hints(status: number, { retryAfterMs }: RelayError): OutgoingHttpHeaders {
  if (status === 401) return { "WWW-Authenticate": 'Bearer realm="streamrelay"' };
  if (status !== 429 && status !== 503 && retryAfterMs === undefined) return {};
  return {
    "Retry-After": retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(retryAfterMs / 1_000),
  };
}

function hangUpAfter(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.setHeader("Connection", "close");
  request.removeAllListeners("data");
  request.resume();
  const killer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once("close", () => clearTimeout(killer));
}

/** Status of what the parser says of a request that is none; 400 for anything else. */
const STATUS_OF_FAULT: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers a connection whose bytes are no HTTP, and closes it: where the next request would begin cannot be known. */
export function answerFault(fault: Error & { code?: string }, socket: Socket): void {
  // for CONNECT the runtime has taken its own listener off; an error that nobody hears would end the relay
  socket.on("error", () => socket.destroy());
  // with an answer under way its reader would take ours for a part of it
  if (!socket.writable || fault.code === "ECONNRESET" || answering(socket)) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_FAULT[fault.code ?? ""] ?? 400;
  const body = errorBody(new RelayError("bad_request"));
  const killer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once("close", () => clearTimeout(killer));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nX-Content-Type-Options: nosniff\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Whether an answer on `socket` has begun; node keeps it there, and so does Deno. */
function answering(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null };
  return response?.headersSent === true && !response.writableFinished;
}

/** A relay that shuts down lets nobody in: another one may be there in a second. */
export function draining(): RelayError {
  return new RelayError("draining", undefined, { retryAfterMs: 1_000 });
}

/** A request that is at fault, in words that are fit for who made it. */
export function badRequest(what: string): RelayError {
  return new RelayError("bad_request", what, { tellPeer: true });
}

/** An error in a known form: anything else is a bug, which is logged, and a peer is told no more than that. */
export function knownError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  logger.error("a bug, met while answering a request: {error}", { error });
  return new RelayError("internal", ERRORS.internal.text, { cause: error });
}
