/**
 * What a client shows to be let in, as its request holds it.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { getLogger } from "@logtape/logtape";
import { isHolder } from "../../protocol/holder.ts";
import { badRequest } from "./http_error.ts";
import { headerOnce, parameterOnce } from "./http_request.ts";

const logger = getLogger(["streamrelay", "relay"]);

/**
 * The credential of a request: of `Authorization: Bearer …`, else of `?token=`, which is for links and `EventSource`, else
 * of `?secret=`, which is deprecated; `undefined` where there is none. It is the relay's secret or a token, not yet judged;
 * one that is longer than any other value may be is wrong like any other, wherever it is shown.
 *
 * @throws {RelayError} `bad_request` where a parameter is repeated or empty, also behind a header.
 */
export function credentialOf(request: IncomingMessage, url: URL): string | undefined {
  const [token, secret] = ["token", "secret"].map((name) => {
    return parameterOnce(url, name, { longest: Infinity });
  });
  // another scheme is somebody else's, such as a proxy's
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "");
  if (bearer !== null) return bearer[1];
  if (token === undefined && secret !== undefined) {
    logger.debug("credential in ?secret=: deprecated, URLs end up in the logs of proxies");
  }
  return token ?? secret;
}

/**
 * The nonce by which a client shows that it is the one who used its token before: of `Stream-Holder`, else of `?holder=`,
 * which is for `EventSource`; `undefined` where there is none.
 *
 * @throws {RelayError} `bad_request` where it is malformed or repeated, in the query also behind a header.
 */
export function holderOf(request: IncomingMessage, url: URL): string | undefined {
  const given = [headerOnce(request, "stream-holder"), parameterOnce(url, "holder")];
  for (const holder of given) {
    if (holder !== undefined && !isHolder(holder)) {
      throw badRequest("holder is not 16 to 64 of A-Z a-z 0-9 _ -");
    }
  }
  return given[0] ?? given[1];
}
