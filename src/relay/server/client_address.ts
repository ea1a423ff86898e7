/**
 * Where a client is.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * The IP address of the client that made `request`: that of its socket, or, with `trustProxy`, the last one in
 * `X-Forwarded-For`. The last one is what the proxy in front of the relay saw itself; those before it are what its client
 * said, and anybody may say anything. So it is right for one proxy, and for more where the last appends to the header.
 *
 * An IPv4 address in an IPv6 socket is given as IPv4, so that one client has one address.
 */
export function clientAddress(
  request: IncomingMessage,
  { trustProxy }: { trustProxy: boolean },
): string {
  const own = plain(request.socket.remoteAddress ?? "unknown");
  if (!trustProxy) return own;
  const header = request.headers["x-forwarded-for"];
  const last = String(header ?? "").split(",").at(-1)!.trim();
  const forwarded = plain(withoutPort(last));
  return isIP(forwarded) === 0 ? own : forwarded;
}

/** Without the prefix of an IPv4 address in IPv6 (RFC 4291 §2.5.5.2) and without a zone. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(address: string): string {
  return address.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
