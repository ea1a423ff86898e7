/**
 * Base64 in either alphabet of RFC 4648 (§4 and §5), padded or not: the Python package writes the
 * first, keys that pass through a URL are written in the second.
 *
 * @module
 */

const ONLY_IN_BASE64URL = /[-_]/;

/**
 * The bytes of `text`, or `undefined` where it is not base64. The decoder's own error is dropped on
 * purpose: some engines quote the input in it, and the input may be a key.
 *
 * @example
 * ```ts
 * import { decodeBase64 } from "./base64.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(decodeBase64("+/8="), new Uint8Array([251, 255]));
 * assert.deepEqual(decodeBase64("-_8"), new Uint8Array([251, 255]));
 * assert.equal(decodeBase64("not base64!"), undefined);
 * ```
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const alphabet = ONLY_IN_BASE64URL.test(text) ? "base64url" : "base64";
    return Uint8Array.fromBase64(text, { alphabet });
  } catch {
    return undefined;
  }
}
