/**
 * What the page's own address says.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";

/** What a page is to read. */
export interface Address {
  readonly channel: string;
  /** Where the channel is read by WebSocket. */
  readonly url: URL;
  /** The encryption key, as it is written in the fragment: that part of an address no browser sends anywhere. */
  readonly key?: string;
  /** The credential: of the fragment, else of `?token=`. */
  readonly token?: string;
}

/**
 * Reads the address of a page, `…/view/{channel}`; what is in front of it, such as a proxy's path, is kept.
 *
 * @throws {RelayError} `bad_channel` where it names no channel.
 *
 * @example
 * ```ts
 * import { readAddress } from "./address.ts";
 * import assert from "node:assert/strict";
 *
 * const { channel, url, key } = readAddress("https://hpc.example.org/relay/view/job-7#key=a+b");
 * assert.deepEqual([channel, url.href, key], ["job-7", "wss://hpc.example.org/relay/consume/job-7", "a+b"]);
 * ```
 */
export function readAddress(href: string): Address {
  const page = new URL(href);
  const match = /^(.*)\/view\/([^/]+)$/.exec(page.pathname);
  if (match === null || !isChannelId(match[2])) throw new RelayError("bad_channel");
  const [, before, channel] = match;
  const url = new URL(`${before}/consume/${channel}`, page.origin);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  const fragment = new URLSearchParams(page.hash.slice(1));
  const token = fragment.get("token") ?? page.searchParams.get("token");
  return { channel, url, key: keyIn(fragment), token: token || undefined };
}

/** A key in base64 has plus signs, which are spaces to whoever reads a query. */
function keyIn(fragment: URLSearchParams): string | undefined {
  return fragment.get("key")?.replaceAll(" ", "+") || undefined;
}
