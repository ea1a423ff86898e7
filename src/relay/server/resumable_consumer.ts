/**
 * A connection that consumes by the resumable protocol.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import type { LogEnd } from "../../log/channel_log.ts";
import { fault } from "../../protocol/fault.ts";
import type { ConsumeHello, ToConsumer } from "../../protocol/control.ts";
import { parsePosition } from "../../protocol/position.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import type { Beginning, Outlet } from "../outlet.ts";
import { Subscriber } from "../subscriber.ts";
import type { Connection } from "./connection.ts";
import type { Handler } from "./handler.ts";
import { controlsIn, controlText } from "./control_frame.ts";
import type { LineFrames } from "./line_frames.ts";

/** Wishes to cancel that one connection may send. */
const MAX_CANCELS = 16;

/** Options of {@linkcode ResumableConsumerHandler}. */
export interface ResumableConsumerOptions {
  readonly channels: Channels;
  readonly frames: LineFrames;
  /** The channel's id. */
  readonly id: string;
  readonly hello: ConsumeHello;
  /** Whether its credential allows that. */
  readonly mayCancel: boolean;
}

/** Sends a channel to a resumable consumer: data frames, and control messages for what happens beside the data. */
export class ResumableConsumerHandler implements Handler, Outlet {
  readonly toldOfGaps = true;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #frames: LineFrames;
  readonly #subscriber: Subscriber;
  readonly #channel: Channel;
  readonly #mayCancel: boolean;
  #cancels = 0;
  /** Whether it is told of nothing that is in the stream. */
  readonly #mute: boolean;

  /** @throws {RelayError} `protocol` for a bad position, or as {@linkcode Channels.consume} does. */
  constructor(connection: Connection, options: ResumableConsumerOptions) {
    const { channels, frames, id, hello, mayCancel } = options;
    this.#mayCancel = mayCancel;
    this.#mute = hello.role === "cancel";
    this.#connection = connection;
    this.#channels = channels;
    this.#frames = frames;
    const { position, restart } = hello;
    this.#subscriber = new Subscriber(this, {
      position: position === undefined || position === "live" ? position : parsePosition(position),
      restart,
    });
    this.#tell({ type: "welcome", state: channels.find(id)?.state ?? "waiting" });
    this.#channel = channels.consume(id, this.#subscriber);
  }

  texts(records: Uint8Array): void {
    for (const control of controlsIn(records)) {
      if (control.type !== "cancel") throw fault(`unexpected ${control.type} of a consumer`);
      // each is answered: one that reads nothing could have answers pile up
      if (++this.#cancels > MAX_CANCELS) throw fault("it wishes to cancel too often");
      const cancelling = this.#mayCancel
        ? this.#channels.cancel(this.#channel, control.reason)
        : { reached: false, reason: "the token does not allow to cancel" };
      this.#tell({ type: "cancelling", ...cancelling });
    }
  }

  binary(): void {
    throw fault("data of a consumer");
  }

  flush(): void {}

  drained(): void {
    this.#subscriber.drained();
    this.#channel.ease();
  }

  gone(code: number): void {
    this.#channels.unsubscribe(this.#channel, this.#subscriber, { cut: code === 1006 });
    this.#channel.ease();
  }

  closed(): void {
    this.#subscriber.closed();
  }

  /** Its close code says it all: it comes back. */
  drain(): void {}

  begin({ epoch, from, next, restart }: Beginning): void {
    this.#tell({ type: restart ? "restart" : "begin", epoch, from, next });
  }

  gap(from: number, to: number): boolean {
    if (!this.#mute) this.#tell({ type: "gap", from, to });
    return true;
  }

  write(records: Uint8Array, seq: number): boolean {
    if (this.#mute) return true;
    const taken = this.#connection.send(this.#frames.frame(records, seq));
    if (!taken) this.#frames.keep();
    return taken;
  }

  producer(state: "live" | "away"): void {
    this.#tell({ type: "producer", state });
  }

  end({ status, exitCode: exit_code, signal }: LogEnd, next: number): void {
    this.#tell({ type: "end", next, status, exit_code, signal });
    if (status === "expired") this.#connection.fail(new RelayError("expired"), { patient: true });
    else this.#connection.close(1000, status);
  }

  refuse(error: RelayError): void {
    this.#connection.fail(error);
  }

  #tell(message: ToConsumer): void {
    this.#connection.send(controlText(message));
  }
}
