/**
 * Which web pages may talk to the relay.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { RelayError } from "../../errors.ts";

/**
 * Judges the `Origin` header, which browsers add and pages cannot forge (RFC 6454 §7, RFC 6455 §10.2). Without the check
 * any page that a user happens to visit could use a relay that only this user's machine reaches. Programs send no such
 * header and are none of its business.
 *
 * @example
 * ```ts
 * import { Origins } from "./origin.ts";
 * import assert from "node:assert/strict";
 *
 * const origins = new Origins(["https://portal.example.org"]);
 * assert.equal(origins.listed("https://portal.example.org"), true);
 * assert.equal(origins.listed("https://evil.example.org"), false);
 * ```
 */
export class Origins {
  readonly #allowed: ReadonlySet<string>;
  readonly #all: boolean;

  /**
   * `allowed`: origins like `https://portal.example.org`, or `*` for every page there is.
   *
   * @throws {RelayError} `usage` where one of them is no origin.
   */
  constructor(allowed: readonly string[]) {
    this.#all = allowed.includes("*");
    this.#allowed = new Set(allowed.filter((origin) => origin !== "*").map(normal));
  }

  /** Whether `origin` was allowed by name, or every origin was. */
  listed(origin: string): boolean {
    return this.#all || this.#allowed.has(origin);
  }

  /** Whether the request comes from no page, from one of this relay's own host, or from one that is {@linkcode listed}. */
  allows({ headers }: IncomingMessage): boolean {
    const { origin, host } = headers;
    if (origin === undefined) return true;
    return this.listed(origin) || sameHost(origin, host);
  }
}

/**
 * Whether the page of `origin` was served from `host`. The scheme is not compared: behind a proxy that speaks TLS the relay
 * does not know its own.
 */
function sameHost(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin);
  if (host === undefined || url === null) return false;
  // both sides through the same parser: it drops the default port of the scheme
  return url.host !== "" && url.host === URL.parse(`${url.protocol}//${host}`)?.host;
}

function normal(origin: string): string {
  const url = URL.parse(origin);
  const written = origin.replace(/\/$/, "").toLowerCase();
  const plain = url !== null && /^https?:$/.test(url.protocol) && url.origin === written;
  if (plain && !url.host.includes("*")) return url.origin;
  throw new RelayError(
    "usage",
    `Cannot allow the origin ${origin}: give scheme and host like https://portal.example.org`,
  );
}
