/**
 * A connection that produces.
 *
 * @module
 */

import type { RelayError } from "../../errors.ts";
import type { RecordRun } from "../../protocol/line_codec.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import type { ProducerLink } from "../producer_link.ts";
import type { Connection } from "./connection.ts";
import type { Handler } from "./handler.ts";

/** Puts what a plain WebSocket producer sends into its channel. */
export class ProducerHandler implements Handler, ProducerLink {
  readonly resumable = false;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #channel: Channel;
  /** The same for all, as one for each message would have to be collected. */
  readonly #run: { -readonly [K in keyof RecordRun]: RecordRun[K] } = {
    records: new Uint8Array(0),
    count: 0,
    last: 0,
  };

  /** @throws {RelayError} as {@linkcode Channels.produce} does. */
  constructor(connection: Connection, channels: Channels, id: string) {
    this.#connection = connection;
    this.#channels = channels;
    this.#channel = channels.produce(id, this);
    connection.throttle(this.#channel.rate, { texts: "data" });
  }

  texts(records: Uint8Array, count: number, last: number): void {
    const run = this.#run;
    run.records = records;
    run.count = count;
    run.last = last;
    this.#channels.append(this.#channel, this, run);
  }

  flush(): void {
    this.#channels.flush(this.#channel);
  }

  drained(): void {}

  gone(code: number): void {
    const clean = code === 1000 || code === 1001 || code === 1005;
    this.#channels.leave(this.#channel, this, clean);
  }

  /** Its close code says it all. */
  drain(): void {}

  /** It would take any word from us for a broken connection. */
  cancel(): boolean {
    return false;
  }

  /** It waits for nobody. */
  eased(): void {}

  drop(error: RelayError): void {
    this.#connection.fail(error);
  }
}
