/**
 * A connection that consumes.
 *
 * @module
 */

import { ERRORS, RelayError } from "../../errors.ts";
import type { LogEnd } from "../../log/channel_log.ts";
import { encodeRecord } from "../../protocol/record.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import { type Outlet, Subscriber } from "../subscriber.ts";
import type { Connection, Handler } from "./connection.ts";

/**
 * Sends a channel to a plain WebSocket consumer. Records are its frames already, so they go out as they are; what
 * the plain protocol has no word for is told as an `error` message, which every client knows.
 */
export class ConsumerHandler implements Handler, Outlet {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #subscriber: Subscriber;
  #channel: Channel | undefined;

  constructor(connection: Connection, channels: Channels) {
    this.#connection = connection;
    this.#channels = channels;
    this.#subscriber = new Subscriber(this);
  }

  /** @throws {RelayError} as {@linkcode Channels.consume} does. */
  join(id: string): void {
    this.#channel = this.#channels.consume(id, this.#subscriber);
  }

  /** Consumers have nothing to say: what they send is skipped. */
  texts(): void {}

  flush(): void {}

  drained(): void {
    this.#subscriber.drained();
  }

  gone(): void {
    if (this.#channel !== undefined) this.#channels.unsubscribe(this.#channel, this.#subscriber);
  }

  /** Code 1001 alone is a good ending to many clients, and the stream's ending is not. */
  drain(): void {
    this.#tellError("draining", ERRORS.draining.text);
  }

  begin(_epoch: string, from: number): void {
    if (from > 0) this.#tell({ type: "gap", from: 0, to: from });
  }

  write(records: Uint8Array): boolean {
    return this.#connection.send(records);
  }

  end({ status }: LogEnd): void {
    if (status === "lost") this.#tellError("lost", "the producer's connection ended in mid-stream");
    if (status === "expired") {
      this.#tellError("expired", ERRORS.expired.text);
      return this.#connection.fail(new RelayError("expired"), { patient: true });
    }
    this.#connection.close(1000, status);
  }

  fellBehind(): void {
    this.#connection.fail(new RelayError("too_slow"), { patient: true });
  }

  #tellError(code: string, message: string): void {
    this.#tell({ type: "error", code, message });
  }

  #tell(message: Record<string, unknown>): void {
    this.#connection.send(encodeRecord(new TextEncoder().encode(JSON.stringify(message))));
  }
}
