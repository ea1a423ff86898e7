/**
 * A channel: one producer, its log, any number of readers.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelLog, LogEnd } from "../log/channel_log.ts";
import { messageType } from "../protocol/message_type.ts";
import { payloadStart, recordEnd } from "../protocol/record.ts";
import type { Subscriber } from "./subscriber.ts";

/** The connection of a producer, as its channel sees it. */
export interface ProducerLink {
  /** The channel has no more use for the producer. */
  drop(error: RelayError): void;
}

/** What the last message says about how the stream stands. */
type Tail = "open" | "error" | "sealed";

/**
 * Pairs a producer with its readers. It does no input or output and has no clock: who calls passes the time in
 * milliseconds.
 */
export class Channel {
  /** Its name. */
  readonly id: string;
  /** Those who read it. */
  readonly readers: Set<Subscriber> = new Set();
  /** Last time something happened that its time limits count from, ms. */
  activeAt: number;
  /** When the current stream began, or the wait for it, ms. */
  startedAt: number;

  #log: ChannelLog | undefined;
  #producer: ProducerLink | undefined;
  #tail: Tail = "open";

  constructor(id: string, now: number) {
    this.id = id;
    this.activeAt = this.startedAt = now;
  }

  /** The log of the current or last producer run; `undefined` while the first one is awaited. */
  get log(): ChannelLog | undefined {
    return this.#log;
  }

  /** Whether a producer is connected and its stream open. */
  get live(): boolean {
    return this.#producer !== undefined;
  }

  /** How the stream ended, once it has. */
  get end(): LogEnd | undefined {
    return this.#log?.end;
  }

  /**
   * A producer takes the channel and `log` begins. Readers of an earlier log read that to its end; those who wait get
   * the new one.
   *
   * @throws {RelayError} `producer_exists` while another one is connected.
   */
  start(producer: ProducerLink, log: ChannelLog, now: number): void {
    if (this.#producer !== undefined) throw new RelayError("producer_exists");
    this.#producer = producer;
    this.#log = log;
    this.#tail = "open";
    this.activeAt = this.startedAt = now;
    for (const reader of this.readers) if (reader.log === undefined) reader.begin(log);
  }

  /**
   * Appends what `producer` sent in one go: `count` messages, the last one at `last`. Readers are not woken: see
   * {@linkcode wake}. Returns by how many bytes the log grew (negative where it forgot more than it took).
   *
   * @throws {RelayError} `protocol` where the producer's stream has ended: the channel may be another one's by now.
   */
  append(
    producer: ProducerLink,
    records: Uint8Array,
    count: number,
    last: number,
    now: number,
  ): number {
    const type = messageType(records, payloadStart(records, last), records.length);
    if (this.#producer !== producer) {
      // the Python producer says `done` itself and once more as its `with` block closes
      if (type === "done" && count === 1) return 0;
      throw new RelayError("protocol", "message after the end of the stream");
    }
    const log = this.#log!;
    const before = log.bytes;
    log.append(records, count);
    this.activeAt = now;
    if (type === "done") this.#finish({ status: this.#statusAtDone(records) }, now);
    this.#tail = type === "error" ? "error" : type === "enc" ? "sealed" : "open";
    return log.bytes - before;
  }

  /** Lets every reader read what has come. */
  wake(): void {
    for (const reader of this.readers) reader.wake();
  }

  /**
   * The producer is gone; `clean` says that it closed its connection in good order. That is the end of a stream whose
   * last message says so, or is one that only its readers can judge; any other stream is lost.
   */
  leave(producer: ProducerLink, clean: boolean, now: number): void {
    if (this.#producer !== producer) return;
    const closed = clean && this.#tail === "sealed";
    this.#finish({ status: this.#tail === "error" ? "error" : closed ? "closed" : "lost" }, now);
    this.wake();
  }

  /** A time limit passed: the stream ends for everyone. */
  expire(now: number): void {
    const producer = this.#producer;
    this.#finish({ status: "expired" }, now);
    producer?.drop(new RelayError("expired"));
    for (const reader of this.readers) {
      if (reader.log === undefined) reader.abandon({ status: "expired" });
      else reader.wake();
    }
  }

  /** `error` where the first `done` of the run follows an error message, as it does when a producer reports one. */
  #statusAtDone(records: Uint8Array): "done" | "error" {
    let failed = this.#tail === "error";
    for (let at = 0; at < records.length;) {
      const end = recordEnd(records, at);
      const type = messageType(records, payloadStart(records, at), end);
      if (type === "done") break;
      failed = type === "error";
      at = end;
    }
    return failed ? "error" : "done";
  }

  #finish(end: LogEnd, now: number): void {
    this.#log?.close(end);
    this.#producer = undefined;
    this.activeAt = now;
  }
}
