/**
 * Names of channels.
 *
 * @module
 */

const CHANNEL_ID = /^[A-Za-z0-9._~-]{1,128}$/;

/**
 * Whether `id` may name a channel: 1 to 128 characters of `A-Z a-z 0-9 . _ ~ -`, the unreserved characters of
 * RFC 3986 §2.3, so that it stands in a URL as it is.
 */
export function isChannelId(id: string): boolean {
  return CHANNEL_ID.test(id) && id !== "." && id !== "..";
}

/** A fresh channel id: a UUIDv4, so 122 random bits that nobody guesses. */
export function newChannelId(): string {
  return crypto.randomUUID();
}
