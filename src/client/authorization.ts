/**
 * A credential in a request.
 *
 * @module
 */

/** What a header carries as it is, RFC 9110 §5.5: visible ASCII, spaces inside. */
const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

/**
 * The `Authorization` header that shows `secret`; `undefined` where there is none, or no header can hold it.
 *
 * @example
 * ```ts
 * import { authorization } from "./authorization.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(authorization("s3cret"), "Bearer s3cret");
 * assert.equal(authorization("größer"), undefined);
 * ```
 */
export function authorization(secret: string | undefined): string | undefined {
  return secret !== undefined && HEADER_VALUE.test(secret) ? `Bearer ${secret}` : undefined;
}
