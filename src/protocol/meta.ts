/**
 * What a producer says of itself.
 *
 * @module
 */

import { fault } from "./fault.ts";

/**
 * What a producer says of itself to the relay's operator, e.g. `{ job: "4711" }`: names of 1 to 64 characters of
 * `A-Z a-z 0-9 . _ -`, text without control characters, at most {@linkcode MAX_META_BYTES} of JSON. It is never encrypted.
 */
export type Meta = { readonly [name: string]: string };

/** Largest {@linkcode Meta}, bytes of its compact JSON in UTF-8. */
export const MAX_META_BYTES = 1024;

/**
 * `value` as {@linkcode Meta}. Its text goes into log lines and pages, hence no control characters.
 *
 * @throws {RelayError} `protocol`, fit for the peer, where it is none, or too large.
 *
 * @example
 * ```ts
 * import { checkedMeta } from "./meta.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(checkedMeta({ job: "4711" }), { job: "4711" });
 * assert.throws(() => checkedMeta({ job: 4711 }), { code: "protocol" });
 * ```
 */
export function checkedMeta(value: unknown): Meta {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("meta is no object");
  }
  const entries = Object.entries(value);
  for (const [name, text] of entries) {
    if (!META_NAME.test(name)) throw fault("meta: a name is not 1 to 64 of A-Z a-z 0-9 . _ -");
    if (typeof text !== "string") throw fault("meta: a value is no text");
    if (UNPRINTABLE.test(text)) throw fault("meta: a value has control characters");
  }
  const size = new TextEncoder().encode(JSON.stringify(value)).length;
  if (size > MAX_META_BYTES) throw fault(`meta is larger than ${MAX_META_BYTES} bytes`);
  return Object.fromEntries(entries);
}

const META_NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** Control, format and line separators, and half surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
