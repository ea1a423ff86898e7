/**
 * One run of a producer: an epoch of its channel.
 *
 * @module
 */

import type { ChannelLog, LogEnd } from "../log/channel_log.ts";
import { fault } from "../protocol/fault.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Meta } from "../protocol/meta.ts";
import type { RunMeter } from "./meter.ts";
import { PlainEnding } from "./plain_ending.ts";
import type { ProducerLink } from "./producer_link.ts";

/** What a resumable producer says of its run. */
export interface RunClaim {
  readonly epoch: string;
  /** The oldest message it can still send. */
  readonly first: number;
  /** The message after the newest one it has made. */
  readonly next: number;
  /** What it says of itself to the operator. */
  readonly meta?: Meta;
  /** Whether it was connected to a relay before. */
  readonly resumed?: boolean;
}

/** What has become of a wish to cancel. */
export interface Cancelling {
  /** Whether the producer was told. */
  readonly reached: boolean;
  /** Why not. */
  readonly reason?: string;
}

/** What a {@linkcode Run} begins with. */
export interface RunOptions {
  readonly log: ChannelLog;
  /** Counts what passes. */
  readonly meter: RunMeter;
  /** What a resumable producer said. */
  readonly claim?: Pick<RunClaim, "next" | "meta">;
}

/** The log of a run, its producer, which may be away or gone, and how it stands. */
export class Run {
  readonly log: ChannelLog;
  readonly meter: RunMeter;
  /** Whether its producer may come back after its connection was lost. */
  readonly resumable: boolean;
  /** How a plain producer's stream would end. */
  readonly ending: PlainEnding = new PlainEnding();
  #producer: ProducerLink | undefined;
  #meta: Meta | undefined;
  /** Messages that the producer says it has made: while a new relay is refilled, more than the log has. */
  #claimed: number;
  #awaySince: number | undefined;
  /** A wish to cancel that the producer, being away, has not heard of. */
  #cancel: { reason: string | undefined } | undefined;

  constructor(producer: ProducerLink, { log, meter, claim }: RunOptions) {
    this.#producer = producer;
    this.resumable = producer.resumable;
    this.log = log;
    this.meter = meter;
    this.#meta = claim?.meta;
    this.#claimed = claim?.next ?? 0;
  }

  /** The producer, while it is connected and the stream open. */
  get producer(): ProducerLink | undefined {
    return this.#producer;
  }

  /** What its producer says of itself. */
  get meta(): Meta | undefined {
    return this.#meta;
  }

  /** Since when the producer of the open stream is away, ms. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  /** Messages that exist, here or with the producer. */
  get extent(): number {
    return Math.max(this.#claimed, this.log.next);
  }

  get state(): ChannelState {
    if (this.log.end !== undefined) return "ended";
    return this.#producer === undefined ? "away" : "live";
  }

  /** Whether its producer has ended it; it may not have heard that this is known. */
  get complete(): boolean {
    const { end } = this.log;
    return end !== undefined && end.status !== "lost" && end.status !== "expired";
  }

  /** Its producer is gone, and may come back. */
  part(now: number): void {
    this.#producer = undefined;
    this.#awaySince = now;
  }

  /** The stream is over. */
  finish(end: LogEnd): void {
    this.log.close(end);
    this.#producer = undefined;
    this.#awaySince = undefined;
  }

  /**
   * Its producer says that it is here again.
   *
   * @throws {RelayError} `protocol` where the claim does not fit what is here.
   */
  claim({ first, next }: RunClaim): void {
    const { log } = this;
    if (next < log.next || this.complete && next > log.next) {
      throw fault(`hello: next is ${next}, and ${log.next} messages are here`);
    }
    if (first > log.next) {
      throw fault(`hello: first is ${first}, and message ${log.next} is missing`);
    }
    this.#claimed = next;
  }

  /** A producer goes on with the run; returns the connection it had before, where that is half-open. */
  reopen(producer: ProducerLink, meta: Meta | undefined): ProducerLink | undefined {
    this.log.reopen();
    const before = this.#producer;
    this.#producer = producer;
    this.#meta = meta;
    this.#awaySince = undefined;
    return before;
  }

  /** Asks the producer to stop; one that is away is asked by {@linkcode remind}. */
  cancel(reason: string | undefined): Cancelling {
    const { end } = this.log;
    if (end !== undefined) {
      return { reached: false, reason: `the stream has ended already: ${end.status}` };
    }
    if (this.#producer === undefined) {
      this.#cancel = { reason };
      return { reached: false, reason: "the producer is away; it is told when it comes back" };
    }
    if (this.#producer.cancel(reason)) return { reached: true };
    return { reached: false, reason: "the producer is a plain one (v1), which cannot be told" };
  }

  /** Tells a producer that is back what it was asked while it was away, once the caller has welcomed it. */
  remind(producer: ProducerLink): void {
    const cancel = this.#cancel;
    this.#cancel = undefined;
    if (cancel !== undefined) queueMicrotask(() => producer.cancel(cancel.reason));
  }
}
