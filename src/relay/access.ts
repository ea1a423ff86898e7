/**
 * Who may use the relay.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import { type ErrorCode, RelayError } from "../errors.ts";
import { shortId } from "./short_id.ts";
import type { Guard } from "./guard.ts";
import { isStale, looksLikeToken, verifyToken } from "./token.ts";
import type { TokenClaims, TokenRole } from "./token_claims.ts";
import { Uses } from "./uses.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** What a client wants to do. */
export interface Use {
  /** `operate` is to see what the operator sees: of all channels, so no token is for it. */
  readonly role: TokenRole | "operate";
  /** Empty for `operate`. */
  readonly channel: string;
}

/** Who a client is, besides its credential. */
export interface Holder {
  /** The run that a producer says to be of. */
  readonly epoch?: string;
  /** The nonce of `src/protocol/holder.ts`, by which it shows that it is who used the token before; it goes before `epoch`. */
  readonly nonce?: string;
  /** Where it is, see `clientAddress`: failures count there. Without it none are counted. */
  readonly address?: string;
}

/** What a client was found to be allowed. */
export interface Grant {
  /** Whether it has the relay's secret, or the relay has none. */
  readonly master: boolean;
  /** For whom the token was made. */
  readonly sub?: string;
  /** The token's id. */
  readonly id?: string;
  /** When the token expires, ms since 1970. Looked at when a connection is made; one that stands goes on. */
  readonly expiresAt?: number;
  /** Whether it may do this too, on the channel it was admitted to. */
  may(role: TokenRole): boolean;
  /** The stream was not begun after all: gives back the use of a token that counts them. */
  unused(): void;
}

/** Options of {@linkcode Access}. */
export interface AccessOptions {
  /** Slows down those who guess (default: nobody does). */
  readonly guard?: Guard;
  /** Called for every refusal, with its code. */
  readonly onRefusal?: (code: ErrorCode) => void;
}

const NOTHING = () => {};
const MASTER: Grant = { master: true, may: () => true, unused: NOTHING };

/**
 * Checks credentials: the relay's secrets, in a time that says nothing about how much of a guess was right (digests of
 * equal length are compared, whole), and tokens made from them, see `token.ts`.
 *
 * @example
 * ```ts
 * import { Access } from "./access.ts";
 * import { mintToken } from "./token.ts";
 * import assert from "node:assert/strict";
 *
 * const access = new Access(["s3cret"]);
 * assert.equal(access.allows("guess"), false);
 * const token = await mintToken("s3cret", { channel: "job-7", roles: ["consume"], ttlMs: 60_000 });
 * const grant = await access.admit(token, { role: "consume", channel: "job-7" });
 * assert.equal(grant.may("produce"), false);
 * assert.equal(new Access([]).required, false);
 * ```
 */
export class Access {
  readonly #digests: readonly Uint8Array[];
  readonly #keys: readonly Uint8Array[];
  readonly #uses = new Uses();
  readonly #options: AccessOptions;

  /** Any of `secrets` is good: two while they are being changed. Without one everyone is let in; empty ones do not count. */
  constructor(secrets: readonly string[], options: AccessOptions = {}) {
    const given = secrets.filter((secret) => secret !== "");
    this.#digests = given.map(digest);
    this.#keys = given.map((secret) => new TextEncoder().encode(secret));
    this.#options = options;
  }

  /** Whether a credential is asked for. */
  get required(): boolean {
    return this.#digests.length > 0;
  }

  /** Whether `credential` is one of the secrets; always true where none is asked for. */
  allows(credential: string): boolean {
    if (!this.required) return true;
    const shown = digest(credential);
    let allowed = false; // all are compared, whichever it is
    for (const own of this.#digests) if (timingSafeEqual(own, shown)) allowed = true;
    return allowed;
  }

  /**
   * Judges a credential. The answer is there at once for anything but a token. A token that counts its uses counts this one,
   * unless it is a resume: the same holder with the same token, told by its nonce, or by the producer's epoch where it has
   * none. Who shows neither uses the token anew each time.
   *
   * @throws {RelayError} (or rejects with it) `unauthorized`, `forbidden` where the credential is good for something else, or
   * `limit` where too many failed from this address; each fit for the peer.
   */
  admit(credential: string | undefined, use: Use, holder: Holder = {}): Grant | Promise<Grant> {
    if (!this.required) return MASTER;
    const { guard } = this.#options;
    try {
      if (credential === undefined) throw new RelayError("unauthorized");
      if (holder.address !== undefined) guard?.check(holder.address);
      if (this.allows(credential)) return MASTER;
      if (!looksLikeToken(credential)) throw new RelayError("unauthorized");
    } catch (error) {
      throw this.#refused(error, use, credential === undefined ? undefined : holder.address);
    }
    return verifyToken(credential, this.#keys)
      .then((claims) => this.#grant(claims, use, holder))
      .catch((error) => {
        throw this.#refused(error, use, holder.address);
      });
  }

  #grant(claims: TokenClaims, { role, channel }: Use, holder: Holder): Grant {
    const { channel: own, roles, id, sub, expiresAt, maxUses } = claims;
    if (role === "operate") throw forbidden("only the relay's secret opens this, no token does");
    if (own !== channel) throw forbidden("token is for another channel");
    if (!roles.includes(role)) throw forbidden(`token does not allow to ${role}`);
    const unused = maxUses === undefined
      ? NOTHING
      : this.#uses.count(id, { expiresAt, maxUses, holder: holder.nonce ?? holder.epoch });
    return { master: false, sub, id, expiresAt, may: (role) => roles.includes(role), unused };
  }

  /** Takes note of a refusal; only what may have been a guess counts as failed. */
  #refused(error: unknown, { role, channel }: Use, address: string | undefined): unknown {
    if (!(error instanceof RelayError)) return error;
    const { code, message } = error;
    const guess = code === "unauthorized" && !isStale(error);
    if (guess && address !== undefined) this.#options.guard?.failed(address);
    this.#options.onRefusal?.(code);
    logger.warn("[{channel}] {role} refused: {reason}", {
      channel: shortId(channel),
      role,
      reason: message,
    });
    return error;
  }
}

function forbidden(why: string): RelayError {
  return new RelayError("forbidden", why, { tellPeer: true });
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
