/**
 * Where a reader puts what it reads.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { LogEnd } from "../log/channel_log.ts";

/** A run that a reader begins to read. */
export interface Beginning {
  readonly epoch: string;
  /** The message it is read from. */
  readonly from: number;
  /** Number of messages so far; `from` may be above it while a relay that has restarted is refilled. */
  readonly next: number;
  /** Whether the reader had another run before. */
  readonly restart: boolean;
}

/** Where a `Subscriber` puts what it reads; a transport implements it. */
export interface Outlet {
  /** Whether it can be told of a gap in mid-stream; a plain reader cannot. */
  readonly toldOfGaps: boolean;
  /** A run begins. */
  begin(run: Beginning): void;
  /** Messages from `from` up to, not including, `to` are no longer retained. `false`: this reader cannot go on then. */
  gap(from: number, to: number): boolean;
  /**
   * Sends a run of records that begins at message `seq`. `true`: the run is of no more use. `false`: it is still being
   * read from until `Subscriber.drained` is called.
   */
  write(records: Uint8Array, seq: number): boolean;
  /** The producer's connection was lost, or is there again. */
  producer(state: "live" | "away"): void;
  /** Everything was written and the stream, of `next` messages, has ended. */
  end(end: LogEnd, next: number): void;
  /** What the reader asked for is not to be had. */
  refuse(error: RelayError): void;
}
