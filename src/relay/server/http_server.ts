/**
 * The server under all doors of a relay.
 *
 * @module
 */

import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";
import { checkCertificate } from "./check_certificate.ts";

/**
 * A TLS handshake, and a request's headers, have this long to arrive, ms: a slow-loris client does not hold its socket. Bodies
 * have limits of their own: that of a producer is idle for as long as its program thinks, any other is not read.
 */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Connections that may wait to be accepted. */
const BACKLOG = 1024;

const logger = getLogger(["streamrelay", "relay"]);

/**
 * A server that does not listen yet; with `tls`, PEM texts, it speaks https.
 *
 * @throws {RelayError} `usage` where the certificate does not serve.
 */
export function createServer(tls?: { cert: string; key: string }): Server {
  const limits = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: 0,
    requireHostHeader: false, // the door says so itself, in JSON
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  };
  if (tls === undefined) return createHttpServer(limits);
  checkCertificate(tls);
  return createHttpsServer({ ...limits, handshakeTimeout: REQUEST_TIMEOUT_MS, ...tls });
}

/**
 * Resolves to where the server listens; port 0 is any free one.
 *
 * @throws {RelayError} (rejects with it) `usage` where it cannot, with what to do about it.
 */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ port, host, backlog: BACKLOG }, resolve);
  try {
    await promise;
  } catch (cause) {
    const { code = "unknown error" } = cause as { code?: string };
    throw new RelayError(
      "usage",
      `Cannot listen on ${host}:${port}: ${LISTEN_FAULTS[code] ?? code}`,
      { cause },
    );
  }
  server.off("error", reject);
  // say, no more open files: who is there stays, and an error that nobody hears would end the relay
  server.on("error", (error) => logger.error("cannot take a connection: {error}", { error }));
  return server.address() as AddressInfo;
}

const LISTEN_FAULTS: Record<string, string> = {
  EADDRINUSE: "the port is taken. Give another one with --port; 0 takes any free one",
  EADDRNOTAVAIL: "this machine has no such address. Give one of its own with --host",
  EINVAL: "this machine has no such address. Give one of its own with --host",
  ENOTFOUND: "no such address. Give one of this machine's with --host",
  EACCES: "not allowed; ports below 1024 often need more rights",
};

/** Whether `address` is reached from its own machine alone (RFC 6890). */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/i.test(address);
}
