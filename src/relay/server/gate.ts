/**
 * What every client passes, whichever way it comes: is its page allowed, its address not too busy, its credential good.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { type ErrorCode, RelayError } from "../../errors.ts";
import { Access, type Grant, type Holder } from "../access.ts";
import { Guard } from "../guard.ts";
import { type Lease, Leases } from "../leases.ts";
import type { RelayLimits } from "../limits.ts";
import { clientAddress } from "./client_address.ts";
import { credentialOf, holderOf } from "./credential.ts";
import { Hosts } from "./hosts.ts";
import { Origins } from "./origin.ts";

/** Options of {@linkcode Gate}. */
export interface GateOptions {
  readonly limits: RelayLimits;
  /** What clients must show, any of them (default none: everyone is let in). */
  readonly secrets?: readonly string[];
  /** Pages of other origins that may talk to the relay (default none). */
  readonly allowOrigin?: readonly string[];
  /** The name or address that the relay was told to listen on. */
  readonly host?: string;
  /** Whether the relay listens where only its own machine reaches it (default no). */
  readonly loopback?: () => boolean;
  /** Whether addresses are those that a proxy in front of the relay tells (default false). */
  readonly trustProxy?: boolean;
  /** Called for everyone who is refused here, with the reason. */
  readonly onRefusal?: (code: ErrorCode) => void;
}

/** What a request says of who makes it. */
export interface Visitor extends Holder {
  readonly address: string;
  readonly credential?: string;
}

/**
 * Everything that is asked of a client before it gets to a channel; one for all doors of a relay.
 *
 * @example
 * ```ts
 * import { DEFAULT_LIMITS } from "../limits.ts";
 * import { Gate } from "./gate.ts";
 * import assert from "node:assert/strict";
 *
 * const gate = new Gate({ limits: DEFAULT_LIMITS, secrets: ["s3cret"] });
 * assert.equal(gate.access.required, true);
 * ```
 */
export class Gate {
  /** Judges credentials. */
  readonly access: Access;
  /** Judges pages. */
  readonly origins: Origins;
  readonly #hosts: Hosts;
  readonly #loopback: () => boolean;
  readonly #leases: Leases;
  readonly #guard: Guard;
  readonly #trustProxy: boolean;
  readonly #onRefusal: (code: ErrorCode) => void;

  /** @throws {RelayError} `usage` where an origin is none. */
  constructor(options: GateOptions) {
    const { limits, secrets = [], allowOrigin = [], trustProxy = false, onRefusal } = options;
    this.#onRefusal = onRefusal ?? (() => {});
    this.#guard = new Guard({ maxConnections: limits.maxConnectionsPerAddress });
    this.access = new Access(secrets, { guard: this.#guard, onRefusal });
    this.origins = new Origins(allowOrigin);
    this.#hosts = new Hosts({ own: options.host, allowOrigin });
    this.#loopback = options.loopback ?? (() => false);
    this.#leases = new Leases({ maxStreams: limits.maxStreamsPerUser, ttlMs: limits.leaseTtlMs });
    this.#trustProxy = trustProxy;
  }

  /**
   * Judges by which name any request calls the relay, before anything is answered. Where there is a secret a page that got
   * hold of the relay's address does not know it, and where others reach the relay its names are not for it to know.
   *
   * @throws {RelayError} `forbidden`, see {@linkcode Hosts}.
   */
  checkHost(request: IncomingMessage, url: URL | undefined): void {
    if (this.access.required || !this.#loopback()) return;
    this.#counted(() => this.#hosts.check(request, url));
  }

  /**
   * A request begins: a WebSocket, or a body or answer that may last. Returns what is to be called when it is over.
   *
   * @throws {RelayError} `forbidden` for a page of another origin, `limit` where its address has too many connections.
   */
  enter(request: IncomingMessage): () => void {
    return this.#counted(() => {
      if (!this.origins.allows(request)) throw foreign();
      return this.#guard.enter(this.address(request));
    });
  }

  /** The address of who makes the request. */
  address(request: IncomingMessage): string {
    return clientAddress(request, { trustProxy: this.#trustProxy });
  }

  /** Who makes the request. Pass it to {@linkcode Access.admit} as the holder, with the run's epoch where there is one. */
  visitor(request: IncomingMessage, url: URL): Visitor {
    return {
      address: this.address(request),
      credential: credentialOf(request, url),
      nonce: holderOf(request, url),
    };
  }

  /**
   * A lease for the stream of a producer that was let in; see {@linkcode Leases.take}. One without an epoch counts by its
   * connection.
   *
   * @throws {RelayError} `limit` where its user has too many streams.
   */
  lease({ sub }: Grant, { channel, epoch }: { channel: string; epoch?: string }): Lease {
    const stream = `${channel}:${epoch ?? crypto.randomUUID()}`;
    return this.#counted(() => this.#leases.take(sub, stream));
  }

  /** Forgets what has expired; called every second or so. */
  sweep(): void {
    this.#leases.sweep();
  }

  #counted<T>(enter: () => T): T {
    try {
      return enter();
    } catch (error) {
      if (error instanceof RelayError) this.#onRefusal(error.code);
      throw error;
    }
  }
}

function foreign(): RelayError {
  return new RelayError("forbidden", "pages of this origin may not use the relay", {
    tellPeer: true,
  });
}
