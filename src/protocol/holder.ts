/**
 * Who uses a token: a nonce that a client makes when it begins, keeps to itself, and shows each time it connects.
 *
 * @module
 */

const HOLDER = /^[A-Za-z0-9_-]{16,64}$/;
const RANDOM_BYTES = 18;

/** Whether `text` may be a holder's nonce: 16 to 64 characters of `A-Z a-z 0-9 _ -`, which is room for 96 random bits and more. */
export function isHolder(text: string): boolean {
  return HOLDER.test(text);
}

/**
 * A fresh nonce of 144 random bits. A token for one use is used up by the first who shows it; whoever shows the same nonce
 * with it is the same holder, whose connection was lost. The relay tells nobody, so no other holder of the token can.
 */
export function newHolder(): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return random.toBase64({ alphabet: "base64url" });
}
