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
import type { Beginning, Outlet } from "../outlet.ts";
import { Subscriber } from "../subscriber.ts";
import type { Connection } from "./connection.ts";
import type { Handler } from "./handler.ts";

/**
 * Sends a channel to a plain WebSocket consumer. Records are its frames already, so they go out as they are; what
 * the plain protocol has no word for is told as an `error` message, which every client knows.
 */
export class ConsumerHandler implements Handler, Outlet {
  readonly toldOfGaps = false;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #subscriber: Subscriber;
  #channel: Channel | undefined;
  #started = false;

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
    this.#channel?.ease();
  }

  gone(): void {
    if (this.#channel === undefined) return;
    this.#channels.unsubscribe(this.#channel, this.#subscriber);
    this.#channel.ease();
  }

  closed(): void {
    this.#subscriber.closed();
  }

  /** Code 1001 alone is a good ending to many clients, and the stream's ending is not. */
  drain(): void {
    this.#tellError("draining", ERRORS.draining.text);
  }

  begin(_run: Beginning): void {}

  /** A client that does not know the message takes it for a stream that starts late; in mid-stream that would not do. */
  gap(from: number, to: number): boolean {
    if (this.#started) this.#connection.fail(new RelayError("too_slow"), { patient: true });
    else this.#tell({ type: "gap", from, to });
    return !this.#started;
  }

  write(records: Uint8Array): boolean {
    this.#started = true;
    return this.#connection.send(records);
  }

  /** Whether it comes back will be seen; a plain client has no word for the meantime. */
  producer(): void {}

  end({ status }: LogEnd): void {
    if (status === "lost") this.#tellError("lost", "the producer's connection ended in mid-stream");
    if (status === "expired") {
      this.#tellError("expired", ERRORS.expired.text);
      return this.#connection.fail(new RelayError("expired"), { patient: true });
    }
    this.#connection.close(1000, status);
  }

  refuse(error: RelayError): void {
    this.#connection.fail(error);
  }

  #tellError(code: string, message: string): void {
    this.#tell({ type: "error", code, message });
  }

  #tell(message: Record<string, unknown>): void {
    this.#connection.send(encodeRecord(new TextEncoder().encode(JSON.stringify(message))));
  }
}
