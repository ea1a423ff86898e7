/**
 * A channel: one producer, its log, any number of readers.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelLog, Cursor, LogEnd } from "../log/channel_log.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Meta } from "../protocol/meta.ts";
import { messageType } from "../protocol/message_type.ts";
import type { RecordRun } from "../protocol/line_codec.ts";
import { payloadStart, recordEnd } from "../protocol/record.ts";
import { AwaitedReaders } from "./awaited_readers.ts";
import { RelayMeter, RunMeter } from "./meter.ts";
import type { Subscriber } from "./subscriber.ts";

/** The connection of a producer, as its channel sees it. */
export interface ProducerLink {
  /** Whether it may come back after its connection was lost. */
  readonly resumable: boolean;
  /** The channel has no more use for the producer. */
  drop(error: RelayError): void;
  /** Asks it to stop; `false` where it cannot be told. */
  cancel(reason: string | undefined): boolean;
  /** A reader that it may have waited for has taken something, or has gone. */
  eased(): void;
}

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

/** What the last message says about how the stream stands. */
type Tail = "open" | "error" | "sealed";

/** Runs that are remembered so that their producers are turned away. */
const MAX_FENCED = 16;

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
  /** When it was made, ms of the fine clock. */
  readonly createdAt: number = performance.now();

  readonly #relay: RelayMeter;
  #meter: RunMeter;
  #meta: Meta | undefined;
  #resumable = false;
  #begun = false;
  #log: ChannelLog | undefined;
  #producer: ProducerLink | undefined;
  #tail: Tail = "open";
  /** Messages that the producer says it has made: while a new relay is refilled, more than the log has. */
  #claimed = 0;
  #awaySince: number | undefined;
  /** A wish to cancel that the producer, being away, has not heard of. */
  #cancel: { reason: string | undefined } | undefined;
  readonly #fenced: string[] = [];
  readonly #awaited = new AwaitedReaders();

  /** What passes is counted in `meter` too (default: in none but its own). */
  constructor(id: string, now: number, { meter = new RelayMeter() } = {}) {
    this.id = id;
    this.activeAt = this.startedAt = now;
    this.#relay = meter;
    this.#meter = new RunMeter(meter);
  }

  /** What has passed of the current or last run. */
  get meter(): RunMeter {
    return this.#meter;
  }

  /** What the producer of the current or last run says of itself. */
  get meta(): Meta | undefined {
    return this.#meta;
  }

  /** Whether the producer of the current or last run may come back after its connection was lost. */
  get resumable(): boolean {
    return this.#resumable;
  }

  /** The log of the current or last producer run; `undefined` while the first one is awaited. */
  get log(): ChannelLog | undefined {
    return this.#log;
  }

  /** Whether a producer is connected and its stream open. */
  get live(): boolean {
    return this.#producer !== undefined;
  }

  /** Since when the producer of an open stream is away, ms. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  /** How the stream ended, once it has. */
  get end(): LogEnd | undefined {
    return this.#log?.end;
  }

  /** All of it in a word. */
  get state(): ChannelState {
    if (this.#log === undefined) return "waiting";
    if (this.end !== undefined) return "ended";
    return this.live ? "live" : "away";
  }

  /** Messages of the current run that exist, here or with its producer. */
  get extent(): number {
    return Math.max(this.#claimed, this.#log?.next ?? 0);
  }

  /**
   * A producer takes the channel and `log` begins. Readers of an earlier log read that to its end; those who wait get
   * the new one. A run whose producer is away is lost by that.
   *
   * @throws {RelayError} `producer_exists` while another one is connected.
   */
  start(producer: ProducerLink, log: ChannelLog, now: number, claimed: number = 0): void {
    if (this.#producer !== undefined) throw new RelayError("producer_exists");
    const before = this.#log;
    const replaced = before !== undefined && before.end === undefined;
    if (replaced) this.#finish({ status: "lost" }, now);
    if (before !== undefined) this.#fence(before.epoch);
    this.#producer = producer;
    this.#resumable = producer.resumable;
    this.#log = log;
    const meter = this.#meter = new RunMeter(this.#relay);
    this.#meta = undefined;
    this.#tail = "open";
    this.#claimed = claimed;
    this.#cancel = undefined;
    this.activeAt = this.startedAt = now;
    for (const reader of this.readers) {
      if (reader.log === undefined) reader.begin(log, this.extent, { waited: true, meter });
      else if (reader.follows || replaced && reader.log === before) reader.follow(log, meter);
    }
  }

  /**
   * A resumable producer connects: with a new run, for which `makeLog` makes the log, or to go on with the current one.
   * Returns the message it is to send next.
   *
   * @throws {RelayError} `producer_exists` while the producer of another run is connected, `fenced` where another run has
   * replaced this one, `protocol` where the claim does not fit what is here.
   */
  resume(
    producer: ProducerLink,
    run: RunClaim,
    now: number,
    makeLog: (first: number) => ChannelLog,
  ): number {
    const log = this.#log;
    if (log?.epoch === run.epoch) return this.#takeOver(producer, run, log, now);
    if (this.#fenced.includes(run.epoch)) throw new RelayError("fenced");
    this.start(producer, makeLog(run.first), now, run.next);
    this.#meta = run.meta;
    return run.first;
  }

  /** Appends a run of messages of a resumable producer. As {@linkcode append} otherwise. */
  appendRun(producer: ProducerLink, { records, count }: RecordRun, now: number): number {
    if (this.#producer !== producer) throw fault("message after the end of the stream");
    return this.#append(records, count, now);
  }

  /**
   * Appends what a plain `producer` sent in one go: `count` messages, the last one at `last`. Readers are not woken: see
   * {@linkcode wake}. Returns by how many bytes the log grew (negative where it forgot more than it took).
   *
   * @throws {RelayError} `protocol` where the producer's stream has ended: the channel may be another one's by now.
   */
  append(producer: ProducerLink, { records, count, last }: RecordRun, now: number): number {
    const type = messageType(records, payloadStart(records, last), records.length);
    if (this.#producer !== producer) {
      // the Python producer says `done` itself and once more as its `with` block closes
      if (type === "done" && count === 1) return 0;
      throw fault("message after the end of the stream");
    }
    const grown = this.#append(records, count, now);
    if (type === "done") this.#finish({ status: this.#statusAtDone(records) }, now);
    this.#tail = type === "error" ? "error" : type === "enc" ? "sealed" : "open";
    return grown;
  }

  /** Lets every reader read what has come. */
  wake(): void {
    for (const reader of this.readers) reader.wake();
  }

  /**
   * A resumable producer says that its run is complete with `next` messages. To say it again, after a connection that
   * was lost on the way, does no harm.
   *
   * @throws {RelayError} `protocol` where messages are missing, or the producer has no such run.
   */
  finish(producer: ProducerLink, next: number, end: LogEnd, now: number): void {
    const log = this.#log;
    if (log === undefined || log.next !== next) {
      throw fault(`end after ${next} messages: ${log?.next ?? 0} are here`);
    }
    if (log.end !== undefined) return;
    if (this.#producer !== producer) throw new RelayError("fenced");
    this.#finish(end, now);
  }

  /**
   * The producer is gone; `clean` says that it closed its connection in good order. A resumable one may come back unless it
   * said goodbye. For a plain one that is the end of a stream whose last message says so, or is one that only its readers can judge; any other
   * stream is lost.
   */
  leave(producer: ProducerLink, clean: boolean, now: number): void {
    if (this.#producer !== producer) return;
    if (producer.resumable && !clean) {
      this.#producer = undefined;
      this.#awaySince = this.activeAt = now;
      for (const reader of this.readers) reader.producer("away");
      return;
    }
    const closed = clean && this.#tail === "sealed"; // never so with a resumable one, which ends by `finish`
    this.#finish({ status: this.#tail === "error" ? "error" : closed ? "closed" : "lost" }, now);
    this.wake();
  }

  /** The producer has been away for too long. */
  lose(now: number): void {
    this.#finish({ status: "lost" }, now);
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

  /** Asks the producer to stop; one that is away is asked when it is back. */
  cancel(reason: string | undefined): Cancelling {
    switch (this.state) {
      case "waiting":
        return { reached: false, reason: "no producer has come yet" };
      case "ended":
        return { reached: false, reason: `the stream has ended already: ${this.end!.status}` };
      case "away":
        this.#cancel = { reason };
        return { reached: false, reason: "the producer is away; it is told when it comes back" };
      case "live":
        if (this.#producer!.cancel(reason)) return { reached: true };
        return { reached: false, reason: "the producer is a plain one (v1), which cannot be told" };
    }
  }

  /** A reader has taken something, or has gone. */
  ease(): void {
    this.#producer?.eased();
  }

  /** Whether a reader needs the producer to wait at `now`, ms. */
  held(now: number, timeoutMs: number): boolean {
    let held = false;
    // all are asked: the time of each runs from when it began to hold, not from when the one before has let go
    for (const reader of this.readers) if (reader.holds(now, timeoutMs)) held = true;
    return this.#awaited.holds(now) || held;
  }

  /** A reader, or all that read the run from another relay (`many`), may come until `until`, ms, for what is at `cursor`. */
  await(cursor: Cursor, log: ChannelLog, wait: { until: number; many?: boolean }): void {
    if (log === this.#log && log.end === undefined) this.#awaited.add({ cursor, log, ...wait });
  }

  /** A reader of `log` is here; see {@linkcode AwaitedReaders.arrived}. */
  arrived(log: ChannelLog, until: number): void {
    this.#awaited.arrived(log, until);
  }

  #append(records: Uint8Array, count: number, now: number): number {
    const log = this.#log!;
    const before = log.bytes;
    log.append(records, count);
    this.activeAt = now;
    this.#meter.took(count, records.length, { next: log.next, now, read: this.readers.size > 0 });
    if (!this.#begun) this.#begin();
    return log.bytes - before;
  }

  #begin(): void {
    this.#begun = true;
    this.#relay.observer.firstMessage(performance.now() - this.createdAt);
  }

  /** The producer of the current run is here again; a half-open connection of its own is superseded. */
  #takeOver(producer: ProducerLink, run: RunClaim, log: ChannelLog, now: number): number {
    const complete = log.end !== undefined && log.end.status !== "lost" &&
      log.end.status !== "expired";
    if (run.next < log.next || complete && run.next > log.next) {
      throw fault(`hello: next is ${run.next}, and ${log.next} messages are here`);
    }
    if (run.first > log.next) {
      throw fault(`hello: first is ${run.first}, and message ${log.next} is missing`);
    }
    this.activeAt = now;
    this.#claimed = run.next;
    if (complete) return log.next; // it has not heard that its end has come
    log.reopen();
    const before = this.#producer;
    this.#producer = producer;
    this.#meta = run.meta;
    this.#awaySince = undefined;
    before?.drop(new RelayError("fenced", "superseded by a newer connection", { tellPeer: true }));
    for (const reader of this.readers) reader.producer("live");
    const cancel = this.#cancel;
    this.#cancel = undefined;
    // after the welcome, which the caller sends
    if (cancel !== undefined) queueMicrotask(() => producer.cancel(cancel.reason));
    return log.next;
  }

  #fence(epoch: string): void {
    this.#fenced.push(epoch);
    if (this.#fenced.length > MAX_FENCED) this.#fenced.shift();
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
    this.#awaySince = undefined;
    this.activeAt = now;
  }
}

function fault(what: string): RelayError {
  return new RelayError("protocol", what, { tellPeer: true });
}
