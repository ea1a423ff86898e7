/**
 * Which web pages may read the relay's answers: the CORS protocol (WHATWG Fetch §3.2).
 *
 * @module
 */

import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { RelayError } from "../../errors.ts";
import type { Answer } from "./http_error.ts";
import type { Origins } from "./origin.ts";

/** Headers of ours that a page may send. */
const REQUEST_HEADERS =
  "Authorization, Content-Type, Last-Event-ID, Stream-Epoch, Stream-Next, Stream-Meta, Stream-Holder";
/** Headers of ours that a page may read. */
const ANSWER_HEADERS =
  "Stream-State, Stream-Status, Stream-Epoch, Stream-First, Stream-Next, Stream-Bytes, Stream-Gap, Retry-After";
/** How long a browser may keep the answer to a preflight, s: a page that is no longer allowed is soon refused. */
const MAX_AGE_S = 600;

/**
 * What lets the page that asks read the answer. Credentials are never allowed along: the relay takes none that a browser
 * adds by itself.
 */
export function corsHeaders({ headers }: IncomingMessage, origins: Origins): OutgoingHttpHeaders {
  const { origin } = headers;
  if (origin === undefined || !origins.listed(origin)) return { Vary: "Origin" };
  return {
    "Vary": "Origin",
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": ANSWER_HEADERS,
  };
}

/**
 * Answers OPTIONS: a preflight, or a program that asks what is allowed.
 *
 * @throws {RelayError} `forbidden` for a page that is not allowed.
 */
export function preflight(request: IncomingMessage, origins: Origins, methods: string): Answer {
  if (!origins.allows(request)) {
    throw new RelayError("forbidden", "this origin is not allowed", { tellPeer: true });
  }
  const asked = request.headers["access-control-request-method"] !== undefined;
  return {
    status: 204,
    headers: {
      Allow: methods,
      ...corsHeaders(request, origins),
      ...(asked && {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": MAX_AGE_S,
      }),
    },
    body: "",
  };
}
