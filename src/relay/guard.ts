/**
 * What one address may ask of the relay.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import { RelayError } from "../errors.ts";

/** Options of {@linkcode Guard}. */
export interface GuardOptions {
  /** Connections of one address at a time; one more is refused with `limit`. */
  readonly maxConnections: number;
  /** Credentials that may fail before the address has to wait (default 20): people mistype, jobs have old scripts. */
  readonly freeFailures?: number;
  /** The first wait, ms (default 1,000); each further failure doubles it. */
  readonly firstDelayMs?: number;
  /** The longest wait, ms (default 60,000). */
  readonly longestDelayMs?: number;
  /** Without a failure for so long all is forgotten, ms (default 900,000). */
  readonly forgetAfterMs?: number;
}

/** What is known of an address. */
interface Failures {
  count: number;
  lastAt: number;
  blockedUntil: number;
}

/** Addresses whose failures are remembered; the one that failed longest ago goes first. */
const MAX_ADDRESSES = 10_000;
/** Whether somebody came back too early is asked for once in so long, ms. */
const RETRY_MS = 5_000;

/**
 * Bounds what one address does: connections at a time, and credentials that fail. After some of these none is looked at for
 * a time that doubles with each further failure, not even a good one: to try one secret in 60 s is no way to guess it. All
 * behind one address share its fate, so a relay behind a proxy needs `--trust-proxy`; connections that stand are not affected.
 * An IPv6 host has a whole /64 to itself (RFC 6177), so that is what counts as its address.
 *
 * It has no clock of its own: times are those of `performance.now()` unless passed.
 *
 * @example
 * ```ts
 * import { Guard } from "./guard.ts";
 * import assert from "node:assert/strict";
 *
 * const guard = new Guard({ maxConnections: 1 });
 * const leave = guard.enter("192.0.2.1");
 * assert.throws(() => guard.enter("192.0.2.1"), { code: "limit" });
 * leave();
 * guard.enter("192.0.2.1");
 * ```
 */
export class Guard {
  readonly #options: Required<GuardOptions>;
  readonly #connections = new Map<string, number>();
  readonly #failures = new Map<string, Failures>();

  constructor(options: GuardOptions) {
    this.#options = {
      freeFailures: 20,
      firstDelayMs: 1_000,
      longestDelayMs: 60_000,
      forgetAfterMs: 900_000,
      ...options,
    };
  }

  /**
   * A connection of `address` begins. Returns what is to be called, once or more often, when it is over.
   *
   * @throws {RelayError} `limit` where it is one too many.
   */
  enter(address: string): () => void {
    const key = keyOf(address);
    const count = this.#connections.get(key) ?? 0;
    const { maxConnections } = this.#options;
    if (count >= maxConnections) {
      throw limit(`your address has ${several(maxConnections, "connection")} already`, RETRY_MS);
    }
    this.#connections.set(key, count + 1);
    let open = true;
    return () => {
      if (open) this.#leave(key);
      open = false;
    };
  }

  /** @throws {RelayError} `limit` while no credential from `address` is looked at. */
  check(address: string, now: number = performance.now()): void {
    const waitMs = (this.#failures.get(keyOf(address))?.blockedUntil ?? 0) - now;
    if (waitMs > 0) throw limit("too many failed credentials from your address", waitMs);
  }

  /** A credential from `address` was wrong. */
  failed(address: string, now: number = performance.now()): void {
    const { freeFailures, firstDelayMs, longestDelayMs, forgetAfterMs } = this.#options;
    const key = keyOf(address);
    const before = this.#failures.get(key);
    const forgotten = before === undefined || now - before.lastAt > forgetAfterMs;
    const count = forgotten ? 1 : before.count + 1;
    const delay = count <= freeFailures
      ? 0
      : Math.min(longestDelayMs, firstDelayMs * 2 ** (count - freeFailures - 1));
    this.#failures.delete(key); // so that the newest is the last
    this.#failures.set(key, { count, lastAt: now, blockedUntil: now + delay });
    if (this.#failures.size > MAX_ADDRESSES) {
      this.#failures.delete(this.#failures.keys().next().value!);
    }
  }

  #leave(key: string): void {
    const left = this.#connections.get(key)! - 1;
    if (left > 0) this.#connections.set(key, left);
    else this.#connections.delete(key);
  }
}

/** `limit`, with the words that clients read the wait from (`docs/protocol.md`). */
export function limit(why: string, waitMs: number): RelayError {
  const seconds = Math.ceil(waitMs / 1000);
  return new RelayError("limit", `${why}: retry in ${seconds} s`, {
    tellPeer: true,
    retryAfterMs: seconds * 1000,
  });
}

/** How many there are, in words: `1 stream`, `2 streams`. */
export function several(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** An IPv4 address as it is, of an IPv6 address the first 64 bits. */
function keyOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head, tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - after.length;
  const all = [...groups, ...Array(Math.max(0, missing)).fill("0"), ...after];
  return all.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}
