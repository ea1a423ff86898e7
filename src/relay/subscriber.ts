/**
 * One reader of a channel.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelLog, Cursor, LogEnd } from "../log/channel_log.ts";
import { RunMeter } from "./meter.ts";
import type { Outlet } from "./outlet.ts";
import { fulfil, type Wish } from "./wish.ts";

/** A log, and who counts what is read of it. */
interface Run {
  readonly log: ChannelLog;
  readonly meter: RunMeter;
}

/** For readers of whom nobody wants to know. */
const UNCOUNTED = new RunMeter();

/** What a reader must take for its time limit to start anew, bytes: more than fits into the buffers on the way. */
const PROGRESS_BYTES = 512 * 1024;

/**
 * Reads a log at the pace of its outlet, from a cursor: it has no queue, so a slow reader costs no memory. It is woken
 * after each append and otherwise does nothing.
 */
export class Subscriber {
  #log: ChannelLog | undefined;
  #meter = UNCOUNTED;
  /** The run to be read after this one. */
  #following: Run | undefined;
  #cursor: Cursor | undefined;
  /** The message wanted, while there is no cursor. */
  #wanted = 0;
  /** Bytes on their way to a reader that has not taken them yet. */
  #pending = 0;
  #finished = false;
  /** Since when the producer waits for this reader, ms. */
  #heldSince: number | undefined;
  #takenSince = 0;
  readonly #outlet: Outlet;
  readonly #wish: Wish;
  /** Called when a log is no longer read because another one is. */
  left: (log: ChannelLog) => void = () => {};

  constructor(outlet: Outlet, wish: Wish = {}) {
    this.#outlet = outlet;
    this.#wish = wish;
  }

  /** Whether the outlet has to take something before more is read. */
  get blocked(): boolean {
    return this.#pending > 0;
  }

  /** The log being read; `undefined` while the channel waits for a producer. */
  get log(): ChannelLog | undefined {
    return this.#log;
  }

  /** The message of the log that is read next. */
  get next(): number {
    return this.#cursor?.seq ?? this.#wanted;
  }

  /** Messages of the log that are still to be read. */
  get lag(): number {
    return Math.max(0, (this.#log?.next ?? 0) - this.next);
  }

  /** Whether another run is to be read after this one. */
  get follows(): boolean {
    return this.#following !== undefined;
  }

  /** What is wanted next, where that is known. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** Whether everything has been said. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Begins to read `log`, of a run of which `extent` messages exist, where it wished to (see {@linkcode fulfil}); `waited` for it
   * where it was here first. What is read is counted by `meter`.
   */
  begin(
    log: ChannelLog,
    extent: number = log.next,
    { waited = false, meter = UNCOUNTED }: { waited?: boolean; meter?: RunMeter } = {},
  ): void {
    const place = fulfil(this.#wish, { log, extent, waited });
    if (place instanceof RelayError) {
      this.#finished = true;
      return this.#outlet.refuse(place);
    }
    this.#begin({ log, meter }, place.from, place.restart);
  }

  /** Reads on from message `from`, or from the oldest one where that is later, which is a gap. */
  #begin({ log, meter }: Run, from: number, restart: boolean): void {
    const before = this.#log;
    this.#log = log;
    this.#meter = meter;
    meter.joined();
    if (before !== undefined) this.left(before);
    this.#cursor = undefined;
    this.#wanted = from;
    this.#outlet.begin({ epoch: log.epoch, from, next: log.next, restart });
    this.wake();
  }

  /** `log` takes the place of the present one, which was lost: it is read next, where that was wished. */
  follow(log: ChannelLog, meter: RunMeter = UNCOUNTED): void {
    if (this.#wish.restart) this.#following = { log, meter };
    this.wake();
  }

  /** The producer's connection was lost, or is there again. */
  producer(state: "live" | "away"): void {
    if (!this.#finished) this.#outlet.producer(state);
  }

  /** There will be nothing to read. */
  abandon(end: LogEnd): void {
    if (!this.#finished) this.#finish(end, 0);
  }

  /** The outlet has room again. */
  drained(): void {
    this.#takenSince += this.#pending;
    this.#pending = 0;
    if (this.#takenSince >= PROGRESS_BYTES) this.#heldSince = undefined;
    if (this.#cursor !== undefined) this.#log?.release(this.#cursor);
    this.wake();
  }

  /** The outlet is closed: nothing that it was given is read from any more. */
  closed(): void {
    if (this.#cursor !== undefined) this.#log?.release(this.#cursor);
  }

  /**
   * Whether a producer should wait for this reader at `now`, ms: it has so much to catch up with that it may come to miss
   * something, and it is catching up.
   */
  holds(now: number, timeoutMs: number): boolean {
    if (this.#pending === 0) this.#heldSince = undefined;
    else if (this.#cursor !== undefined && this.#log!.lag(this.#cursor) > HALF) {
      if (this.#heldSince === undefined) {
        this.#heldSince = now;
        this.#takenSince = 0;
      }
      return now - this.#heldSince < timeoutMs;
    }
    return false;
  }

  /** Reads all there is, as long as the outlet takes it. */
  wake(): void {
    if (this.#pending > 0 && !this.#outlet.toldOfGaps) this.#checkBehind();
    while (this.#pending === 0 && !this.#finished && this.#log !== undefined) {
      const cursor = this.#cursor ??= this.#place(this.#log);
      if (cursor === undefined) return;
      const seq = cursor.seq;
      const records = this.#log.read(cursor);
      if (records === undefined) {
        if (!this.#ended(this.#log)) return;
      } else if (records === "gone") {
        this.#wanted = seq;
        this.#cursor = undefined;
      } else {
        const taken = this.#outlet.write(records, seq);
        this.#meter.wrote(seq, cursor.seq, records.length);
        if (taken) continue;
        this.#pending = records.length;
        this.#log.hold(cursor);
      }
    }
  }

  /** A blocked reader that cannot go on is told now, not when it happens to read again. */
  #checkBehind(): void {
    const missed = this.#cursor!.seq;
    if (this.#finished || missed >= this.#log!.first) return;
    this.#finished = !this.#gap(missed, this.#log!.first);
  }

  #gap(from: number, to: number): boolean {
    this.#meter.missing(from, to);
    return this.#outlet.gap(from, to);
  }

  /** A cursor at the message wanted; `undefined` where that is still to come, or the reader has been told its end. */
  #place(log: ChannelLog): Cursor | undefined {
    if (this.#wanted < log.first) {
      if (!this.#gap(this.#wanted, log.first)) {
        this.#finished = true;
        return undefined;
      }
      this.#wanted = log.first;
    }
    if (this.#wanted <= log.next) return log.cursor(this.#wanted);
    this.#ended(log);
    return undefined;
  }

  /** At the tail of `log`; whether it has ended. */
  #ended(log: ChannelLog): boolean {
    if (log.end === undefined) return false;
    const following = this.#following;
    this.#following = undefined;
    if (following === undefined) this.#finish(log.end, log.next);
    else this.#begin(following, 0, true);
    return true;
  }

  #finish(end: LogEnd, next: number): void {
    this.#finished = true;
    this.#outlet.end(end, next);
  }
}

/** The part of a log's bound at which a reader is in danger. */
const HALF = 0.5;
