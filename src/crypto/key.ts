/**
 * The encryption key: 32 bytes that the producer and its consumers share and the relay never has.
 * It is read as hex or base64, because the Python package has written both.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { decodeBase64 } from "./base64.ts";

const KEY_BYTES = 32; // AES-256
const HEX_KEY = /^[0-9a-f]{64}$/i;
const HEX_DIGITS = /^[0-9a-f]+$/i;

/**
 * Reads a key: 64 hex digits, or base64 or base64url of 32 bytes, padded or not. Whitespace around
 * it (the newline that ends a key file) is dropped.
 *
 * @throws {RelayError} `usage` where it is anything else; no part of `text` is in the message.
 *
 * @example
 * ```ts
 * import { parseKey } from "./key.ts";
 * import assert from "node:assert/strict";
 *
 * const key = parseKey("ff".repeat(32));
 * assert.equal(key.length, 32);
 * assert.deepEqual(parseKey("_".repeat(42) + "8\n"), key);
 * assert.throws(() => parseKey("ff".repeat(31)), { code: "usage" });
 * ```
 */
export function parseKey(text: string): Uint8Array<ArrayBuffer> {
  const key = text.trim();
  // Hex comes first: 64 hex digits are valid base64 too, of 48 bytes.
  if (HEX_KEY.test(key)) return Uint8Array.fromHex(key);
  // The decoder would skip whitespace inside; here it is a sign of two keys or of a bad paste.
  const bytes = /\s/.test(key) ? undefined : decodeBase64(key);
  if (bytes?.length === KEY_BYTES) return bytes;
  throw unusable(whatIsWrong(key, bytes));
}

/**
 * Checks the length of a key that is bytes already. Without it a key of 16 or 24 bytes would be
 * taken by Web Crypto, silently, as one for AES-128 or AES-192.
 *
 * @throws {RelayError} `usage` where `key` is not 32 bytes.
 *
 * @example
 * ```ts
 * import { checkKey } from "./key.ts";
 * import assert from "node:assert/strict";
 *
 * checkKey(new Uint8Array(32));
 * assert.throws(() => checkKey(new Uint8Array(16)), /it has 16 bytes, 32 are needed/);
 * ```
 */
export function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw unusable(wrongLength(key));
}

/**
 * A fresh random key, as base64.
 *
 * @example
 * ```ts
 * import { generateKey, parseKey } from "./key.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(parseKey(generateKey()).length, 32);
 * ```
 */
export function generateKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
}

function whatIsWrong(key: string, bytes: Uint8Array | undefined): string {
  if (key === "") return "it is empty";
  if (/\s/.test(key)) return "it has whitespace inside";
  if (HEX_DIGITS.test(key)) return `it has ${key.length} hex digits, 64 are needed`;
  return bytes ? wrongLength(bytes) : "it is neither 64 hex digits nor base64";
}

function wrongLength(key: Uint8Array): string {
  return `it has ${key.length} bytes, ${KEY_BYTES} are needed`;
}

function unusable(why: string): RelayError {
  return new RelayError(
    "usage",
    `Cannot use the encryption key: ${why}. Make one with \`streamrelay keygen\`.`,
  );
}
