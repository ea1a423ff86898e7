/**
 * Links to the page that shows a channel in a browser.
 *
 * @module
 */

import { parseKey } from "../crypto/key.ts";
import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";
import { relayPath } from "./relay_url.ts";

/** What a link lets its reader do. */
export interface ViewLinkOptions {
  /** The encryption key, in any form that `parseKey` reads (default none). */
  readonly key?: string;
  /** A token for this channel (default none). The relay's secret has no place in a link. */
  readonly token?: string;
}

/**
 * The link at which `channel` of the relay at `url` is read in a browser. Key and token are in the fragment, which browsers
 * keep to themselves: neither is in the log of a relay or a proxy, nor in a `Referer`. Browsers remember it, and so does
 * whatever the link is pasted into.
 *
 * @throws {RelayError} `usage` for a bad URL or key, `bad_channel`.
 *
 * @example
 * ```ts
 * import { viewLink } from "./view_link.ts";
 * import assert from "node:assert/strict";
 *
 * const link = viewLink("wss://hpc.example.org/relay", "job-7", { key: "00".repeat(32) });
 * assert.equal(link, `https://hpc.example.org/relay/view/job-7#key=${"A".repeat(43)}`);
 * ```
 */
export function viewLink(
  url: string,
  channel: string,
  { key, token }: ViewLinkOptions = {},
): string {
  if (!isChannelId(channel)) throw new RelayError("bad_channel");
  const page = relayPath(url, `/view/${channel}`);
  page.username = page.password = "";
  page.protocol = page.protocol === "wss:" ? "https:" : "http:";
  const fragment = new URLSearchParams();
  if (key !== undefined) fragment.set("key", base64url(key));
  if (token !== undefined) fragment.set("token", token);
  page.hash = fragment.toString();
  return page.href;
}

/** Nothing in it has to be escaped. */
function base64url(key: string): string {
  return parseKey(key).toBase64({ alphabet: "base64url", omitPadding: true });
}
