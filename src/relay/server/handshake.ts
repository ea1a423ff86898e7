/**
 * The server's opening handshake, RFC 6455 §4.2.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { RelayError } from "../../errors.ts";
import type { ClientSocket } from "./client_socket.ts";
import { versionFault } from "./http_request.ts";

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Why a request cannot become a WebSocket, as the status line and text of the answer; `undefined` where it can. */
export function handshakeFault(request: IncomingMessage): [number, string] | undefined {
  const { method, headers } = request;
  const fault = versionFault(request);
  if (fault !== undefined) return [505, fault.message];
  if (method !== "GET") return [405, "a WebSocket handshake is a GET request"];
  if (headers.upgrade?.toLowerCase() !== "websocket") return [400, "cannot upgrade to that"];
  if (headers["sec-websocket-version"] !== "13") {
    return [426, "WebSocket version 13 is spoken here"];
  }
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) return [400, "bad Sec-WebSocket-Key"];
  return undefined;
}

/** Whether the client offers `subprotocol`, RFC 6455 §4.2.2. */
export function offers({ headers }: IncomingMessage, subprotocol: string): boolean {
  const offered = headers["sec-websocket-protocol"] ?? "";
  return offered.split(",").some((name) => name.trim() === subprotocol);
}

/** Answers 101, choosing `subprotocol`; from here on the socket carries frames. */
export function acceptHandshake(
  request: IncomingMessage,
  socket: Pick<ClientSocket, "write">,
  subprotocol?: string,
): void {
  const key = request.headers["sec-websocket-key"];
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n` +
      (subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`) + "\r\n",
  );
}

/** How long a refused client has to close its side before the socket is destroyed, ms. */
const REFUSED_PATIENCE_MS = 3_000;

/** Answers with an error and closes, whether or not the client does. */
export function refuseHandshake(socket: Duplex, fault: [number, string] | RelayError): void {
  const killer = setTimeout(() => socket.destroy(), REFUSED_PATIENCE_MS);
  socket.on("error", () => socket.destroy()); // the client may be gone before it reads why
  socket.on("close", () => clearTimeout(killer));
  socket.resume(); // unread bytes would turn the close into a reset that overtakes the answer
  const { status, code, message, more = "" } = answerOf(fault);
  const body = JSON.stringify({ error: { code, message } });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n${more}` +
      "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n" +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** What a fault looks like as an answer; `more` are header lines. */
function answerOf(fault: [number, string] | RelayError) {
  if (fault instanceof RelayError) {
    const { code, row: { status }, peerText: message, retryAfterMs } = fault;
    const more = retryAfterMs === undefined
      ? undefined
      : `Retry-After: ${Math.ceil(retryAfterMs / 1000)}\r\n`;
    return { status, code, message, more };
  }
  const [status, message] = fault;
  const more = status === 426 ? "Sec-WebSocket-Version: 13\r\n" : undefined;
  return { status, code: "bad_request", message, more };
}
