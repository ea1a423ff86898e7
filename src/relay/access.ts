/**
 * Who may use the relay.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Checks credentials against the relay's secret, in a time that says nothing about how much of a guess was right:
 * digests of equal length are compared, whole.
 *
 * @example
 * ```ts
 * import { Access } from "./access.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(new Access("s3cret").allows("guess"), false);
 * assert.equal(new Access(undefined).required, false);
 * ```
 */
export class Access {
  readonly #digest: Uint8Array | undefined;

  /** Without a secret everyone is let in. */
  constructor(secret: string | undefined) {
    this.#digest = secret === undefined || secret === "" ? undefined : digest(secret);
  }

  /** Whether a credential is asked for. */
  get required(): boolean {
    return this.#digest !== undefined;
  }

  /** Whether `credential` is the secret; always true where none is asked for. */
  allows(credential: string): boolean {
    return this.#digest === undefined || timingSafeEqual(this.#digest, digest(credential));
  }
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
