/**
 * The link to a channel's browser page, with what its reader needs.
 *
 * @module
 */

import { viewLink } from "../src/client/view_link.ts";

/** How long a token in a link is good for, ms; a page that is open goes on until it has to connect anew. */
export const LINK_TTL_MS = 12 * 3_600_000;

/** Options of {@linkcode linkWithAccess}. */
export interface LinkOptions {
  /** The relay's URL. */
  readonly url: string;
  /** The relay's secret, from which a token to consume this one channel is made, or a token, which goes into the link. */
  readonly secret?: string;
  readonly encryptionKey?: string;
}

/**
 * A link that opens without anything else, for one to pass on with care: key and token are in its fragment. The relay's
 * secret is never in it.
 */
export async function linkWithAccess(channel: string, options: LinkOptions): Promise<string> {
  const { url, secret, encryptionKey: key } = options;
  const token = secret === undefined ? undefined : await tokenOf(secret, channel);
  return viewLink(url, channel, { key, token });
}

/** A token that may do more than read is not for readers: the page asks them for one of their own. */
async function tokenOf(credential: string, channel: string): Promise<string | undefined> {
  const { looksLikeToken, mintToken } = await import("../src/relay/token.ts");
  if (looksLikeToken(credential)) return onlyReads(credential) ? credential : undefined;
  return await mintToken(credential, { channel, roles: ["consume"], ttlMs: LINK_TTL_MS });
}

/** Whether a token says of itself that it is for readers alone; whether that is true the relay will see. */
function onlyReads(token: string): boolean {
  try {
    const payload = Uint8Array.fromBase64(token.split(".")[1], { alphabet: "base64url" });
    const { role } = JSON.parse(new TextDecoder().decode(payload));
    return [role].flat().every((role) => role === "consume");
  } catch {
    return false; // it only looks like a token, so it may be a secret
  }
}
