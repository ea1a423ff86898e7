/**
 * A channel: one producer, its log, any number of readers.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelLog, Cursor, LogEnd } from "../log/channel_log.ts";
import { fault } from "../protocol/fault.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Meta } from "../protocol/meta.ts";
import type { RecordRun } from "../protocol/line_codec.ts";
import { messageType } from "../protocol/message_type.ts";
import { payloadStart, recordsWithin } from "../protocol/record.ts";
import { AwaitedReaders } from "./awaited_readers.ts";
import { RelayMeter, RunMeter } from "./meter.ts";
import type { ProducerLink } from "./producer_link.ts";
import type { Rate } from "./rate.ts";
import { type Cancelling, Run, type RunClaim } from "./run.ts";
import type { Subscriber } from "./subscriber.ts";

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
  /** What its producers may send, one after the other; `undefined` for as much as they like. Who reads from them keeps it. */
  readonly rate: Rate | undefined;

  readonly #relay: RelayMeter;
  /** For as long as there is no run. */
  readonly #unused: RunMeter;
  #begun = false;
  /** Messages that the readers have not been given a look at, and their bytes. */
  #unseen = 0;
  #unseenBytes = 0;
  #run: Run | undefined;
  readonly #fenced: string[] = [];
  readonly #awaited = new AwaitedReaders();

  /** What passes is counted in `meter` too (default: in none but its own). */
  constructor(
    id: string,
    now: number,
    { meter = new RelayMeter(), rate }: { meter?: RelayMeter; rate?: Rate } = {},
  ) {
    this.id = id;
    this.rate = rate;
    this.activeAt = this.startedAt = now;
    this.#relay = meter;
    this.#unused = new RunMeter(meter);
  }

  /** What has passed of the current or last run. */
  get meter(): RunMeter {
    return this.#run?.meter ?? this.#unused;
  }

  /** What the producer of the current or last run says of itself. */
  get meta(): Meta | undefined {
    return this.#run?.meta;
  }

  /** Whether the producer of the current or last run may come back after its connection was lost. */
  get resumable(): boolean {
    return this.#run?.resumable ?? false;
  }

  /** The log of the current or last producer run; `undefined` while the first one is awaited. */
  get log(): ChannelLog | undefined {
    return this.#run?.log;
  }

  /** Whether a producer is connected and its stream open. */
  get live(): boolean {
    return this.#run?.producer !== undefined;
  }

  /** Since when the producer of an open stream is away, ms. */
  get awaySince(): number | undefined {
    return this.#run?.awaySince;
  }

  /** How the stream ended, once it has. */
  get end(): LogEnd | undefined {
    return this.#run?.log.end;
  }

  /** All of it in a word. */
  get state(): ChannelState {
    return this.#run?.state ?? "waiting";
  }

  /** Messages of the current run that exist, here or with its producer. */
  get extent(): number {
    return this.#run?.extent ?? 0;
  }

  /**
   * A producer takes the channel and `log` begins. Readers of an earlier log read that to its end; those who wait get
   * the new one. A run whose producer is away is lost by that.
   *
   * @throws {RelayError} `producer_exists` while another one is connected.
   */
  start(
    producer: ProducerLink,
    log: ChannelLog,
    now: number,
    claim?: Pick<RunClaim, "next" | "meta">,
  ): void {
    const before = this.#run;
    if (before?.producer !== undefined) throw new RelayError("producer_exists");
    const replaced = before !== undefined && before.log.end === undefined;
    if (replaced) this.#finish({ status: "lost" }, now);
    if (before !== undefined) this.#fence(before.log.epoch);
    const meter = new RunMeter(this.#relay);
    this.#run = new Run(producer, { log, meter, claim });
    this.activeAt = this.startedAt = now;
    for (const reader of this.readers) {
      if (reader.log === undefined) reader.begin(log, this.extent, { waited: true, meter });
      else if (reader.follows || replaced && reader.log === before.log) reader.follow(log, meter);
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
    const current = this.#run;
    if (current?.log.epoch === run.epoch) return this.#takeOver(current, producer, run, now);
    if (this.#fenced.includes(run.epoch)) throw new RelayError("fenced");
    this.start(producer, makeLog(run.first), now, run);
    return run.first;
  }

  /** Appends a run of messages of a resumable producer. As {@linkcode append} otherwise. */
  appendRun(producer: ProducerLink, { records, count }: RecordRun, now: number): number {
    const run = this.#run;
    if (run?.producer !== producer) throw fault("message after the end of the stream");
    return this.#append(run, records, count, now);
  }

  /**
   * Appends what a plain `producer` sent in one go: `count` messages, the last one at `last`. Readers are not woken: see
   * {@linkcode wake}. Returns by how many bytes the log grew (negative where it forgot more than it took).
   *
   * @throws {RelayError} `protocol` where the producer's stream has ended: the channel may be another one's by now.
   */
  append(producer: ProducerLink, { records, count, last }: RecordRun, now: number): number {
    const run = this.#run;
    if (run?.producer !== producer) {
      const type = messageType(records, payloadStart(records, last), records.length);
      // the Python producer says `done` itself and once more as its `with` block closes
      if (type === "done" && count === 1) return 0;
      throw fault("message after the end of the stream");
    }
    const grown = this.#append(run, records, count, now);
    const status = run.ending.take(records, last);
    if (status !== undefined) this.#finish({ status }, now);
    return grown;
  }

  /** Lets every reader read what has come. */
  wake(): void {
    this.#unseen = this.#unseenBytes = 0;
    for (const reader of this.readers) reader.wake();
  }

  /**
   * A resumable producer says that its run is complete with `next` messages. To say it again, after a connection that
   * was lost on the way, does no harm.
   *
   * @throws {RelayError} `protocol` where messages are missing, or the producer has no such run.
   */
  finish(producer: ProducerLink, next: number, end: LogEnd, now: number): void {
    const run = this.#run;
    if (run === undefined || run.log.next !== next) {
      throw fault(`end after ${next} messages: ${run?.log.next ?? 0} are here`);
    }
    if (run.log.end !== undefined) return;
    if (run.producer !== producer) throw new RelayError("fenced");
    this.#finish(end, now);
  }

  /**
   * The producer is gone; `clean` says that it closed its connection in good order. A resumable one may come back unless it
   * said goodbye. For a plain one that is the end of a stream whose last message says so, or is one that only its readers can judge; any other
   * stream is lost.
   */
  leave(producer: ProducerLink, clean: boolean, now: number): void {
    const run = this.#run;
    if (run?.producer !== producer) return;
    if (producer.resumable && !clean) {
      run.part(now);
      this.activeAt = now;
      for (const reader of this.readers) reader.producer("away");
      return;
    }
    this.#finish({ status: run.ending.left(clean) }, now);
    this.wake();
  }

  /** The producer has been away for too long. */
  lose(now: number): void {
    this.#finish({ status: "lost" }, now);
    this.wake();
  }

  /** A time limit passed: the stream ends for everyone. */
  expire(now: number): void {
    const producer = this.#run?.producer;
    this.#finish({ status: "expired" }, now);
    producer?.drop(new RelayError("expired"));
    for (const reader of this.readers) {
      if (reader.log === undefined) reader.abandon({ status: "expired" });
      else reader.wake();
    }
  }

  /** Asks the producer to stop; one that is away is asked when it is back. */
  cancel(reason: string | undefined): Cancelling {
    return this.#run?.cancel(reason) ?? { reached: false, reason: "no producer has come yet" };
  }

  /** A reader has taken something, or has gone. */
  ease(): void {
    this.#run?.producer?.eased();
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
    if (log === this.log && log.end === undefined) this.#awaited.add({ cursor, log, ...wait });
  }

  /** A reader of `log` is here; see {@linkcode AwaitedReaders.arrived}. */
  arrived(log: ChannelLog, until: number): void {
    this.#awaited.arrived(log, until);
  }

  #append(run: Run, records: Uint8Array, count: number, now: number): number {
    const { log, meter } = run;
    const before = log.bytes;
    this.#keep(log, records, count);
    this.activeAt = now;
    meter.took(count, records.length);
    if (this.readers.size > 0) meter.time(log.next, now);
    if (!this.#begun) this.#begin();
    return log.bytes - before;
  }

  /**
   * Appends to `log`. What comes in one go may be more than a log with small bounds keeps: then the readers have a look in
   * between, or those who keep up would miss something.
   */
  #keep(log: ChannelLog, records: Uint8Array, count: number): void {
    const { messages, bytes } = log.portion;
    while (this.#unseen + count > messages || this.#unseenBytes + records.length > bytes) {
      if (this.#unseen > 0) this.wake();
      const fits = recordsWithin(records, { bytes, most: messages });
      const part = fits.count > 0 ? fits : recordsWithin(records, { bytes: Infinity, most: 1 });
      if (part.count === count) break;
      this.#put(log, records.subarray(0, part.end), part.count);
      records = records.subarray(part.end);
      count -= part.count;
    }
    this.#put(log, records, count);
  }

  #put(log: ChannelLog, records: Uint8Array, count: number): void {
    log.append(records, count);
    this.#unseen += count;
    this.#unseenBytes += records.length;
  }

  #begin(): void {
    this.#begun = true;
    this.#relay.observer.firstMessage(performance.now() - this.createdAt);
  }

  /** The producer of the current run is here again; a half-open connection of its own is superseded. */
  #takeOver(run: Run, producer: ProducerLink, claim: RunClaim, now: number): number {
    run.claim(claim);
    this.activeAt = now;
    if (run.complete) return run.log.next; // it has not heard that its end has come
    const before = run.reopen(producer, claim.meta);
    before?.drop(new RelayError("fenced", "superseded by a newer connection", { tellPeer: true }));
    for (const reader of this.readers) reader.producer("live");
    run.remind(producer);
    return run.log.next;
  }

  #fence(epoch: string): void {
    this.#fenced.push(epoch);
    if (this.#fenced.length > MAX_FENCED) this.#fenced.shift();
  }

  #finish(end: LogEnd, now: number): void {
    this.#run?.finish(end);
    this.activeAt = now;
  }
}
