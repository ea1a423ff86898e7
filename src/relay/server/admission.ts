/**
 * What a WebSocket is given on its way to a channel, and gives back where it does not get there.
 *
 * @module
 */

import type { Grant, Use } from "../access.ts";
import type { Connection } from "./connection.ts";
import type { Gate, Visitor } from "./gate.ts";

/** Who wants to do what. */
export interface Application {
  readonly use: Use;
  readonly visitor: Visitor;
  /** The verdict, where it is known already. */
  readonly known?: Grant | Promise<Grant>;
}

/** Judges the credentials of WebSockets, and leases their streams. */
export class Admission {
  readonly #gate: Gate;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /**
   * Calls `enter` once the credential is found good. A token takes a moment for that, in which nothing more is read: a
   * message that overtook its verdict would be one of somebody unknown.
   *
   * @throws {RelayError} where the answer is no, and there at once; a later one fails the connection.
   */
  admit(
    connection: Connection,
    { use, visitor, known }: Application,
    enter: (grant: Grant) => void,
  ): void {
    const verdict = known ?? this.#gate.access.admit(visitor.credential, use, visitor);
    if (!(verdict instanceof Promise)) return enter(verdict);
    connection.hold(verdict.then((grant) => {
      if (connection.ending) grant.unused(); // it did not wait
      else enter(grant);
    }));
  }

  /**
   * Takes a lease for a producer that `make` lets into its channel.
   *
   * @throws {RelayError} `limit` where its user has too many streams, and what `make` throws.
   */
  lease<T>(
    connection: Connection,
    { grant, stream }: { grant: Grant; stream: { channel: string; epoch?: string } },
    make: () => T,
  ): T {
    return begun(grant, () => {
      const lease = this.#gate.lease(grant, stream);
      const producer = begun(lease, make);
      connection.lease(lease, { mayReturn: stream.epoch !== undefined });
      return producer;
    });
  }
}

/** What `begin` returns; where it throws, what was taken for it is given back. */
export function begun<T>(taken: { unused(): void }, begin: () => T): T {
  try {
    return begin();
  } catch (error) {
    taken.unused();
    throw error;
  }
}
