/**
 * A connection that produces by the resumable protocol.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import { fault } from "../../protocol/fault.ts";
import type { ProduceHello, RunEnd } from "../../protocol/control.ts";
import { SEQ_BYTES, seqOf } from "../../protocol/data_frame.ts";
import { LinesToRecords } from "../../protocol/line_codec.ts";
import { isUtf8 } from "../../protocol/utf8.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import type { ProducerLink } from "../producer_link.ts";
import type { Connection } from "./connection.ts";
import type { Handler } from "./handler.ts";
import { controlsIn, controlText } from "./control_frame.ts";

const MIN_WINDOW = 1024;
/** A message of one small token, bytes of its line. */
const SMALL_BYTES = 32;
const MAX_WINDOW = 2 * 1024 * 1024;

/** The relay works on one batch at a time, so one converter serves all. */
const converter = new LinesToRecords();

/** Options of {@linkcode ResumableProducerHandler}. */
export interface ResumableProducerOptions {
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** The channel's id. */
  readonly id: string;
  readonly hello: ProduceHello;
}

/**
 * Puts what a resumable producer sends into its channel and acknowledges it: a quarter of the window at a time, or what
 * there is at the next tick. While a reader is in danger of missing something nothing is acknowledged, so the producer
 * waits when its window, an eighth of the log's bound, is full; segments of the log may be half empty, so that takes a quarter.
 */
export class ResumableProducerHandler implements Handler, ProducerLink {
  readonly resumable = true;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #limits: RelayLimits;
  readonly #channel: Channel;
  readonly #window: number;
  #next: number;
  #acknowledged: number;
  /** Bytes of lines that came since the last acknowledgement. */
  #bytes = 0;
  #ended = false;

  /** @throws {RelayError} as {@linkcode Channels.resume} does. */
  constructor(connection: Connection, { channels, limits, id, hello }: ResumableProducerOptions) {
    this.#connection = connection;
    this.#channels = channels;
    this.#limits = limits;
    this.#window = windowOf(limits);
    const { channel, next } = channels.resume(id, this, hello);
    this.#channel = channel;
    this.#next = this.#acknowledged = next;
    connection.throttle(channel.rate, { texts: "control" });
    connection.send(
      controlText({ type: "welcome", epoch: hello.epoch, next, window: this.#window }),
    );
  }

  texts(records: Uint8Array): void {
    for (const control of controlsIn(records)) {
      if (control.type === "cancel") {
        throw new RelayError("unauthorized", "a producer may not cancel", { tellPeer: true });
      }
      if (control.type !== "end") throw fault(`unexpected ${control.type} of a producer`);
      this.#end(control);
    }
  }

  binary(payload: Uint8Array, ascii: boolean): void {
    const seq = seqOf(payload);
    if (seq !== this.#next) throw fault(`data from message ${seq}: ${this.#next} is next`);
    if (!ascii && !isUtf8(payload, SEQ_BYTES, payload.length)) throw new RelayError("bad_text");
    const run = converter.convert(payload, SEQ_BYTES);
    if (run.longest > this.#limits.maxMessageBytes) throw new RelayError("too_big");
    if (this.#next + run.count > Number.MAX_SAFE_INTEGER) throw fault("numbers are used up");
    this.#channels.appendRun(this.#channel, this, run);
    this.#next += run.count;
    this.#bytes += payload.length - SEQ_BYTES;
  }

  flush(): void {
    this.#channels.flush(this.#channel);
    if (this.#bytes >= this.#window >> 2) this.#acknowledge();
  }

  /** What came at typing speed, and what was held back for a reader. */
  tick(): void {
    this.#acknowledge();
  }

  drained(): void {}

  /** One that says goodbye before its end will not come back. */
  gone(code: number): void {
    this.#channels.leave(this.#channel, this, code === 1000);
  }

  /** Its close code says it all. */
  drain(): void {}

  cancel(reason: string | undefined): boolean {
    this.#connection.send(controlText({ type: "cancel", reason }));
    return true;
  }

  drop(error: RelayError): void {
    this.#connection.fail(error);
  }

  /** A reader has taken something: the producer may be waiting for that. */
  eased(): void {
    if (this.#bytes >= this.#window >> 2) this.#acknowledge();
  }

  #acknowledge(): void {
    if (this.#acknowledged === this.#next || this.#ended) return;
    if (this.#channel.held(this.#channels.now, this.#limits.holdTimeoutMs)) return;
    this.#acknowledged = this.#next;
    this.#bytes = 0;
    this.#connection.send(controlText({ type: "ack", next: this.#next }));
  }

  /** The end is acknowledged at once: a job waits for it. */
  #end({ next, status, exit_code: exitCode, signal }: RunEnd): void {
    // each is answered: one that reads nothing could have answers pile up
    if (this.#ended) throw fault("a second end");
    this.#channels.finish(this.#channel, this, next, { status, exitCode, signal });
    this.#ended = true;
    this.#connection.send(controlText({ type: "ack", next, end: true }));
  }
}

/** A quarter of what the log may hold in its half-empty segments, in messages of a small size too. */
function windowOf({ maxBufferBytes, maxBuffer }: RelayLimits): number {
  const window = Math.floor(Math.min(maxBufferBytes, maxBuffer * SMALL_BYTES) / 8);
  return Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, window));
}
