/**
 * What a client shows to be let in, as its request holds it.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { getLogger } from "@logtape/logtape";
import { isHolder } from "../../protocol/holder.ts";

const logger = getLogger(["streamrelay", "relay"]);

/**
 * The credential of a request: of `Authorization: Bearer …`, else of `?token=`, which is for links and `EventSource`, else
 * of `?secret=`, which is deprecated; `undefined` where there is none. It is the relay's secret or a token, not yet judged.
 */
export function credentialOf(request: IncomingMessage, url: URL): string | undefined {
  // another scheme is somebody else's, such as a proxy's
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "");
  if (bearer !== null) return bearer[1];
  const token = url.searchParams.get("token");
  if (token !== null) return token;
  const secret = url.searchParams.get("secret");
  if (secret === null) return undefined;
  logger.debug("credential in ?secret=: deprecated, URLs end up in the logs of proxies");
  return secret;
}

/**
 * The nonce by which a client shows that it is the one who used its token before: of `Stream-Holder`, else of `?holder=`,
 * which is for `EventSource`; `undefined` where there is none, or none that {@linkcode isHolder} takes.
 */
export function holderOf(request: IncomingMessage, url: URL): string | undefined {
  const header = request.headers["stream-holder"];
  const holder = typeof header === "string" ? header : url.searchParams.get("holder");
  return holder !== null && isHolder(holder) ? holder : undefined;
}
