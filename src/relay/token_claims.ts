/**
 * What tokens say.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";

/** What a token may allow. */
export type TokenRole = "produce" | "consume" | "cancel";

/** All of {@linkcode TokenRole}. */
export const TOKEN_ROLES: readonly TokenRole[] = ["produce", "consume", "cancel"];

/** Most uses that a token may count. */
export const MAX_USES = 1_000;

/** What a token says. Other claims are ignored. */
export interface TokenClaims {
  /** Claim `channel`. */
  readonly channel: string;
  /** Claim `role`: one, or an array of several. */
  readonly roles: readonly TokenRole[];
  /** Claim `jti`: 1 to 64 characters that nobody else gives to a token. */
  readonly id: string;
  /** Claim `exp`, ms since 1970. */
  readonly expiresAt: number;
  /** Claim `sub`, optional: for whom. `--max-streams-per-user` counts by it. */
  readonly sub?: string;
  /** Claim `max_uses`, optional: how often it may be used, 1 to {@linkcode MAX_USES}. */
  readonly maxUses?: number;
}

const SUB = /^[\w.~@+-]{1,64}$/;

/**
 * The claims of a token whose signature is good: they may be missing or of any type all the same.
 *
 * @throws {RelayError} `unauthorized`, fit for the peer: it names what is wrong.
 */
export function claimsOf(
  { channel, role, jti, exp, sub, max_uses }: { readonly [claim: string]: unknown },
): TokenClaims {
  const roles = (Array.isArray(role) ? role : [role]).filter(isTokenRole);
  if (typeof channel !== "string" || !isChannelId(channel)) throw refused("token has no channel");
  if (roles.length === 0) throw refused("token has no role");
  if (typeof jti !== "string" || jti === "" || jti.length > 64) throw refused("token has no jti");
  if (typeof exp !== "number") throw refused("token has no exp");
  if (sub !== undefined && !isSub(sub)) {
    throw refused("token has a bad sub");
  }
  if (max_uses !== undefined && !isUses(max_uses)) throw refused("token has bad max_uses");
  return { channel, roles, id: jti, expiresAt: exp * 1000, sub, maxUses: max_uses };
}

/** Whether `role` names one. */
export function isTokenRole(role: unknown): role is TokenRole {
  return (TOKEN_ROLES as readonly unknown[]).includes(role);
}

/** Whether a token may count so many uses. */
export function isUses(value: unknown): value is number {
  return Number.isInteger(value) && value as number >= 1 && value as number <= MAX_USES;
}

/** Whether `sub` may be the name of a user; it goes into log lines and to terminals. */
export function isSub(sub: unknown): sub is string {
  return typeof sub === "string" && SUB.test(sub);
}

/** The refusal of a token. */
export function refused(why: string, cause?: unknown): RelayError {
  return new RelayError("unauthorized", why, { tellPeer: true, cause });
}
