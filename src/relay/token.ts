/**
 * Scoped tokens: JSON Web Tokens (RFC 7519) that allow to do some things on one channel, for a time. Whoever has the relay's
 * secret makes them, here or with any other library: HS256 with the UTF-8 bytes of the secret as its key.
 *
 * @module
 */

import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";
import {
  claimsOf,
  isSub,
  isUses,
  MAX_USES,
  refused,
  type TokenClaims,
  type TokenRole,
} from "./token_claims.ts";

/** Options of {@linkcode mintToken}. */
export interface TokenOptions {
  readonly channel: string;
  readonly roles: readonly TokenRole[];
  /** How long it is good for, ms; claims count in whole seconds, so it is rounded up. */
  readonly ttlMs: number;
  /** From when on it is good, ms since 1970 (default: from the start). */
  readonly notBefore?: number;
  /** For whom it is (default nobody): 1 to 64 characters of `A-Z a-z 0-9 . _ ~ @ + -`. */
  readonly sub?: string;
  /** How often it may be used (default: as often as one likes). */
  readonly maxUses?: number;
  /** The time, ms since 1970 (default: now). */
  readonly now?: number;
}

/** The only algorithm: a token that names another, or none, is refused before its signature is looked at (RFC 8725 §3.1). */
const ALGORITHM = "HS256";
const COMPACT = /^[\w-]{2,}\.[\w-]{2,}\.[\w-]*$/;

/**
 * Makes a token. It takes no relay for that.
 *
 * @throws {RelayError} `usage`, `bad_channel` where the options do not serve.
 *
 * @example
 * ```ts
 * import { mintToken } from "./token.ts";
 * import assert from "node:assert/strict";
 *
 * const token = await mintToken("s3cret", { channel: "job-7", roles: ["consume"], ttlMs: 600_000 });
 * assert.match(token, /^eyJ/);
 * ```
 */
export async function mintToken(secret: string, options: TokenOptions): Promise<string> {
  const { channel, roles, ttlMs, notBefore, sub, maxUses, now = Date.now() } = options;
  if (!isChannelId(channel)) throw new RelayError("bad_channel");
  if (roles.length === 0) throw unusable("it allows nothing");
  if (!(ttlMs > 0)) throw unusable("it would never be good (--ttl)");
  if (sub !== undefined && !isSub(sub)) {
    throw unusable("sub is not 1 to 64 characters of A-Z a-z 0-9 . _ ~ @ + -");
  }
  if (maxUses !== undefined && !isUses(maxUses)) {
    throw unusable(`its uses are no number from 1 to ${MAX_USES} (--max-uses)`);
  }
  const payload: JWTPayload = {
    channel,
    role: roles.length === 1 ? roles[0] : roles,
    sub,
    jti: crypto.randomUUID(),
    iat: Math.floor(now / 1000),
    nbf: notBefore === undefined ? undefined : Math.floor(notBefore / 1000),
    exp: Math.ceil((now + ttlMs) / 1000),
    max_uses: maxUses,
  };
  return await new SignJWT(payload)
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
}

/** Whether `credential` has the form of a token, which no other credential need be taken for. */
export function looksLikeToken(credential: string): boolean {
  return COMPACT.test(credential);
}

/**
 * Checks signature, algorithm and times of a token, with each of `keys`, and reads it.
 *
 * @throws {RelayError} `unauthorized`, with a text fit for the peer that names the reason and holds nothing of the token.
 */
export async function verifyToken(
  token: string,
  keys: readonly Uint8Array[],
): Promise<TokenClaims> {
  let failure: unknown;
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: [ALGORITHM] });
      return claimsOf(payload);
    } catch (error) {
      failure = error;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break; // the other key will not help
    }
  }
  if (failure instanceof RelayError) throw failure;
  throw refused(reasonOf(failure), failure);
}

/** Whether `error` is the refusal of a genuine token at the wrong time, and so nobody's guess. */
export function isStale(error: RelayError): boolean {
  return error.cause instanceof errors.JWTExpired ||
    error.cause instanceof errors.JWTClaimValidationFailed;
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    // the claim may be of another type, too
    const early = error.claim === "nbf" && error.reason === "check_failed";
    return early ? "token is not good yet" : "token is malformed";
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `token is not signed by ${ALGORITHM}`;
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return "token is not signed with this relay's secret";
  }
  return "token is malformed";
}

function unusable(why: string): RelayError {
  return new RelayError("usage", `Cannot make a token: ${why}`);
}
