/**
 * By which names the relay may be called.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** Options of {@linkcode Hosts}. */
export interface HostsOptions {
  /** The name or address that the relay was told to listen on. */
  readonly own?: string;
  /** Origins whose hosts are names of the relay, e.g. those of a proxy in front of it; `*` for any name. */
  readonly allowOrigin?: readonly string[];
}

/**
 * Judges the `Host` header of a relay that has no secret because only its own machine reaches it. A page of
 * `http://evil.example:8765` reaches it too, once that name has changed its address to 127.0.0.1 (DNS rebinding): to the
 * browser the relay is then the page's own origin, so `Origin` and CORS say nothing. But the browser sends the name.
 *
 * Good are names that nobody else can own: addresses, `localhost` and those below it (RFC 6761 §6.3), names without a dot,
 * which are not public; and those that the operator named. `X-Forwarded-Host` does not count: a page may set it.
 *
 * @example
 * ```ts
 * import { Hosts } from "./hosts.ts";
 * import assert from "node:assert/strict";
 *
 * const hosts = new Hosts({ allowOrigin: ["https://relay.example.org"] });
 * assert.equal(hosts.knows("127.0.0.1:8765"), true);
 * assert.equal(hosts.knows("relay.example.org"), true);
 * assert.equal(hosts.knows("evil.example:8765"), false);
 * ```
 */
export class Hosts {
  readonly #names: ReadonlySet<string>;
  readonly #all: boolean;

  constructor({ own, allowOrigin = [] }: HostsOptions = {}) {
    this.#all = allowOrigin.includes("*");
    const allowed = allowOrigin.map((origin) => URL.parse(origin)?.hostname);
    const names = [own, ...allowed].filter((name) => name !== undefined);
    this.#names = new Set(names.map((name) => withoutDot(name.toLowerCase())));
  }

  /** Whether `host`, a name or address with or without a port, is one of the relay's. */
  knows(host: string): boolean {
    if (this.#all) return true;
    const name = nameOf(host);
    if (name === undefined) return false;
    const bare = withoutDot(name);
    return isAddress(bare) || !name.includes(".") || /^(.+\.)?localhost$/.test(bare) ||
      this.#names.has(bare);
  }

  /**
   * Judges a request for `url`, which has a host of its own where it came whole, as to a proxy (RFC 9112 §3.2.2); then that
   * counts, and so does the header. No host at all, as in HTTP/1.0, is nobody's page.
   *
   * @throws {RelayError} `forbidden` for a name that may be a stranger's.
   */
  check({ headers: { host = "" } }: IncomingMessage, url: URL | undefined): void {
    for (const given of [host, url?.host ?? ""]) {
      if (given === "" || this.knows(given)) continue;
      const error = stranger(nameOf(given));
      logger.warn("refused: {reason}", { reason: error.message });
      throw error;
    }
  }
}

/** The name in a `Host` header, in lower case; `undefined` where it is none (RFC 9110 §7.2). */
function nameOf(host: string): string | undefined {
  return /^(\[[\da-f:.]+(?:%[\w.~-]+)?\]|[\w.-]+)(?::\d*)?$/i.exec(host)?.[1].toLowerCase();
}

/** No public name ends in a number: that is an IPv4 address in one of its forms, or nothing (WHATWG URL §3.5). */
function isAddress(name: string): boolean {
  if (name.startsWith("[")) return isIPv6(name.slice(1, -1));
  return /(^|\.)(\d+|0x[\da-f]*)$/.test(name);
}

/** Of a name that ends at the root. */
function withoutDot(name: string): string {
  return name.replace(/\.$/, "");
}

function stranger(name = "that.host"): RelayError {
  const shown = name.slice(0, LONGEST_NAME);
  const why = `a relay without a secret does not answer to ${shown}`;
  const remedy = `give it a secret, or --allow-origin https://${shown}`;
  return new RelayError("forbidden", `${why}: ${remedy}`, { tellPeer: true });
}

/** RFC 1035 §2.3.4. */
const LONGEST_NAME = 253;
