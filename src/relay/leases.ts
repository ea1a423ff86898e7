/**
 * How many streams a user has at a time.
 *
 * @module
 */

import { limit, several } from "./guard.ts";

/** Options of {@linkcode Leases}. */
export interface LeasesOptions {
  /** Streams of one user at a time; one more is refused with `limit`. */
  readonly maxStreams: number;
  /** How long a lease holds that is not renewed, ms: the stream of a producer that crashed counts for so long. */
  readonly ttlMs: number;
}

/** The right to run one stream. */
export interface Lease {
  /** The producer is there: the lease holds for another `ttlMs`. */
  renew(): void;
  /** The stream has ended. */
  release(): void;
  /** The stream was not begun after all; a lease that was there before stays. */
  unused(): void;
}

/** For streams that count for nobody. */
const FREE: Lease = { renew() {}, release() {}, unused() {} };

/**
 * Counts the streams that producers run for each `sub` of their tokens. A lease is renewed while its producer's connection
 * lives, which the relay's pings tell; one that is not is as good as released after its time. A producer that resumes takes
 * its own lease again. Memory is bounded by `maxStreams` for each user who has a stream.
 *
 * @example
 * ```ts
 * import { Leases } from "./leases.ts";
 * import assert from "node:assert/strict";
 *
 * const leases = new Leases({ maxStreams: 1, ttlMs: 60_000 });
 * const lease = leases.take("ada", "job-7:E1");
 * leases.take("ada", "job-7:E1"); // a resume
 * assert.throws(() => leases.take("ada", "job-8:E2"), { code: "limit" });
 * lease.release();
 * leases.take("ada", "job-8:E2");
 * ```
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #now: () => number;
  /** By user, by stream: until when it holds, ms. */
  readonly #users = new Map<string, Map<string, number>>();

  /** `now` is the clock, ms (default `performance.now`). */
  constructor(options: LeasesOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /** Users who are remembered. */
  get users(): number {
    return this.#users.size;
  }

  /** The streams of `sub` that count now. */
  count(sub: string): number {
    this.#forgetExpired(sub);
    return this.#users.get(sub)?.size ?? 0;
  }

  /**
   * A lease for `stream`, channel and epoch, of the user `sub`; without a `sub` there is nobody to count it for.
   *
   * @throws {RelayError} `limit` where it is one too many.
   */
  take(sub: string | undefined, stream: string): Lease {
    const { maxStreams } = this.#options;
    if (sub === undefined || maxStreams === Infinity) return FREE;
    this.#forgetExpired(sub);
    const streams = this.#users.get(sub);
    const fresh = !streams?.has(stream);
    if (fresh && streams !== undefined && streams.size >= maxStreams) {
      throw limit(`${sub} has ${several(maxStreams, "stream")} already`, RETRY_MS);
    }
    const renew = () => this.#hold(sub, stream);
    renew();
    const release = () => this.#release(sub, stream);
    return { renew, release, unused: () => fresh && release() };
  }

  /** Forgets the users of whom there is only what has expired; called now and then. */
  sweep(): void {
    for (const sub of this.#users.keys()) this.#forgetExpired(sub);
  }

  /** Also one that has lapsed, as all do while the process stands still. */
  #hold(sub: string, stream: string): void {
    const streams = this.#users.get(sub) ?? new Map<string, number>();
    streams.set(stream, this.#now() + this.#options.ttlMs);
    this.#users.set(sub, streams);
  }

  #release(sub: string, stream: string): void {
    const streams = this.#users.get(sub);
    streams?.delete(stream);
    if (streams?.size === 0) this.#users.delete(sub);
  }

  #forgetExpired(sub: string): void {
    const now = this.#now();
    for (const [stream, until] of this.#users.get(sub) ?? []) {
      if (until <= now) this.#release(sub, stream);
    }
  }
}

/** A stream may end at any time: when to ask again, ms. */
const RETRY_MS = 5_000;
