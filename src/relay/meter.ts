/**
 * What is counted while messages pass. Plain numbers, moved once a batch: at the data path's pace a metrics library would
 * cost more than the relaying.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import type { LogEnd } from "../log/channel_log.ts";

/** Who wants to know of single events; none of them happens for every message. */
export interface Observer {
  /** A channel has got its first message, so many ms after it was made. */
  firstMessage(ms: number): void;
  /** A batch was handed to its first reader so many ms after it was appended. A sample: see {@linkcode RunMeter.took}. */
  relayed(ms: number): void;
  /** A stream has ended. */
  ended(status: LogEnd["status"]): void;
  /** A client was turned away for this reason. */
  refused(code: ErrorCode): void;
}

/** Sums since a run, or the relay, began. Bytes are those of the log, which adds 2 to 10 to each message. */
export class Totals {
  /** What producers sent. */
  messagesIn = 0;
  bytesIn = 0;
  /** What was handed to readers: a message for each of them that it went to. */
  messagesOut = 0;
  bytesOut = 0;
  /** Readers that began to read. */
  readers = 0;
  /** Times a reader was told that messages are missing, and those messages. */
  gaps = 0;
  missed = 0;
}

/** The sums of a relay, and who observes it. */
export class RelayMeter extends Totals {
  /** Told of single events (default: nobody is). */
  observer: Observer = { firstMessage() {}, relayed() {}, ended() {}, refused() {} };
}

/**
 * The sums of one producer run.
 *
 * @example
 * ```ts
 * import { RelayMeter, RunMeter } from "./meter.ts";
 * import assert from "node:assert/strict";
 *
 * const relay = new RelayMeter();
 * new RunMeter(relay).wrote(0, 3, 120);
 * assert.deepEqual([relay.messagesOut, relay.bytesOut], [3, 120]);
 * ```
 */
export class RunMeter extends Totals {
  readonly #relay: RelayMeter;
  /** The batch whose way through the relay is being timed: its last message, and when it came, ms. */
  #timed = Infinity;
  #timedAt = 0;
  #sampledAt = NaN;

  constructor(relay: RelayMeter = new RelayMeter()) {
    super();
    this.#relay = relay;
  }

  /** `count` messages came. */
  took(count: number, bytes: number): void {
    this.messagesIn += count;
    this.bytesIn += bytes;
    this.#relay.messagesIn += count;
    this.#relay.bytesIn += bytes;
  }

  /**
   * There are readers for the messages up to, not including, `next`, which came at the coarse time `now`, ms. The first batch
   * after that clock has moved is timed: a batch a second and channel, because a look at the fine clock costs as much as half
   * a message.
   */
  time(next: number, now: number): void {
    if (now === this.#sampledAt) return;
    this.#sampledAt = now;
    if (this.#timed !== Infinity) return;
    this.#timed = next - 1;
    this.#timedAt = performance.now();
  }

  /** Messages `from` to `to`, that one not included, were handed to a reader. */
  wrote(from: number, to: number, bytes: number): void {
    this.messagesOut += to - from;
    this.bytesOut += bytes;
    this.#relay.messagesOut += to - from;
    this.#relay.bytesOut += bytes;
    if (to > this.#timed) this.#relayed();
  }

  /** A reader began to read. */
  joined(): void {
    this.readers++;
    this.#relay.readers++;
  }

  /** A reader was told that messages `from` to `to`, that one not included, are missing. */
  missing(from: number, to: number): void {
    this.gaps++;
    this.missed += to - from;
    this.#relay.gaps++;
    this.#relay.missed += to - from;
  }

  /** Nobody reads any more: who comes later would be taken for slow. */
  unread(): void {
    this.#timed = Infinity;
  }

  #relayed(): void {
    this.#timed = Infinity;
    this.#relay.observer.relayed(performance.now() - this.#timedAt);
  }
}
