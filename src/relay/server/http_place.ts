/**
 * From where an HTTP consumer wants to read.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { parsePosition } from "../../protocol/position.ts";
import { parseEventId } from "../../protocol/sse.ts";
import type { Channel } from "../channel.ts";
import type { Wish } from "../wish.ts";
import { badRequest, knownError } from "./http_error.ts";
import { headerOnce, parameterOnce } from "./http_request.ts";

/**
 * What a request wishes: by `Last-Event-ID`, which a browser sends when it comes back, else by `?from=`, which is `live` or
 * a position; with `?restart=true` another run will do. `told`: it has heard that the stream is over and nothing has
 * changed, so that it need not come back again (204, WHATWG HTML §9.2.3).
 *
 * @throws {RelayError} `bad_request` for any of them that is malformed.
 */
export function placeOf(
  request: IncomingMessage,
  url: URL,
  channel: Channel | undefined,
): Wish | "told" {
  const restart = restartOf(url);
  const from = parameterOnce(url, "from");
  // an empty one is that of a reader which has seen no event yet
  const id = request.headers["last-event-id"] === ""
    ? undefined
    : headerOnce(request, "last-event-id");
  if (id === undefined) return { position: from === undefined ? from : placeFrom(from), restart };
  const { position, told } = parseEventId(id);
  const same = channel?.log?.epoch === position.epoch;
  const news = channel !== undefined && (same ? channel.end === undefined : restart);
  return told && !news ? "told" : { position, restart };
}

function placeFrom(text: string): Wish["position"] {
  if (text === "live") return text;
  try {
    return parsePosition(text);
  } catch (error) {
    throw badRequest(`from: ${knownError(error).message}, or live`);
  }
}

function restartOf(url: URL): boolean {
  const text = parameterOnce(url, "restart") ?? "false";
  if (text === "true" || text === "false") return text === "true";
  throw badRequest("restart is not true or false");
}
