/**
 * What a client shows to be let in, as its request holds it.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { getLogger } from "@logtape/logtape";
import { isHolder } from "../../protocol/holder.ts";
import { badRequest } from "./http_error.ts";

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
 * which is for `EventSource`; `undefined` where there is none.
 *
 * @throws {RelayError} `bad_request` where it is malformed or repeated.
 */
export function holderOf(request: IncomingMessage, url: URL): string | undefined {
  const header = request.headers["stream-holder"];
  const given = header === undefined ? url.searchParams.getAll("holder") : [String(header)];
  if (given.length === 0) return undefined;
  if (given.length === 1 && isHolder(given[0])) return given[0];
  throw badRequest("the holder is not 16 to 64 of A-Z a-z 0-9 _ -, or given more than once");
}
