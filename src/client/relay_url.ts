/**
 * Addresses of a relay.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** Where a relay is when nobody says otherwise. */
export const DEFAULT_RELAY_URL = "ws://localhost:8765";

/**
 * Reads a relay's URL; `ws`, `wss`, `http` and `https` are all accepted, as is a path in front of the relay's own.
 *
 * @throws {RelayError} `usage` for anything else.
 */
export function parseRelayUrl(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `ws://${text}`);
  const scheme = /^(ws|http)(s?):$/.exec(url?.protocol ?? "");
  if (url === null || scheme === null || url.hostname === "") {
    throw new RelayError(
      "usage",
      "Cannot use the relay URL: give one like wss://relay.example.org or ws://localhost:8765",
    );
  }
  url.protocol = `ws${scheme[2]}:`;
  url.pathname = url.pathname.replace(/\/+$/, "");
  url.search = "";
  url.hash = "";
  return url;
}

/**
 * The URL of `path` at a relay.
 *
 * @example
 * ```ts
 * import { relayPath } from "./relay_url.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(relayPath("https://hpc.example.org/relay/", "/consume/job-7").href, "wss://hpc.example.org/relay/consume/job-7");
 * ```
 */
export function relayPath(relay: string, path: string): URL {
  const url = parseRelayUrl(relay);
  url.pathname = url.pathname.replace(/\/$/, "") + path;
  return url;
}

/**
 * The relay's URL as it may be shown and logged: without what can be a credential, which are its user, password and
 * query.
 *
 * @example
 * ```ts
 * import { shownRelayUrl } from "./relay_url.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(shownRelayUrl("wss://me:pw@hpc.example.org/relay/?secret=x"), "wss://hpc.example.org/relay");
 * ```
 */
export function shownRelayUrl(relay: string): string {
  const url = parseRelayUrl(relay);
  url.username = url.password = "";
  return url.href.replace(/\/$/, "");
}
