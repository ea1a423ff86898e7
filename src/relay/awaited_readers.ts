/**
 * Readers that are not here, and that a producer waits for all the same.
 *
 * @module
 */

import type { ChannelLog, Cursor } from "../log/channel_log.ts";

/** A reader that was cut off, or that read the run from a relay before this one. */
interface Awaited {
  /** What it wants next. */
  readonly cursor: Cursor;
  readonly log: ChannelLog;
  /** How long it is waited for, ms. */
  until: number;
  /** Whether it stands for all that read the run from another relay, whose number is not known. */
  readonly many?: boolean;
}

/** The part of a log's bound at which a reader is in danger. */
const HALF = 0.5;
/** Readers waited for at a time; of more the oldest are let go. */
const MOST = 64;

/**
 * Keeps a fast producer from making the log forget what a reader wants whose connection was cut a moment ago. Without it a
 * short loss of a connection would be a loss of data as soon as the producer makes more meanwhile than the log holds.
 */
export class AwaitedReaders {
  #readers: Awaited[] = [];

  add(reader: Awaited): void {
    this.#readers.push(reader);
    if (this.#readers.length > MOST) this.#readers.shift();
  }

  /** A reader of `log` has come: it is taken for one that was awaited. Where there may be many, the others have until `until`, ms. */
  arrived(log: ChannelLog, until: number): void {
    const at = this.#readers.findIndex((reader) => reader.log === log && !reader.many);
    if (at >= 0) this.#readers.splice(at, 1);
    for (const reader of this.#readers) {
      if (reader.many) reader.until = Math.min(reader.until, until);
    }
  }

  /** Whether the producer is to wait for one of them at `now`, ms. */
  holds(now: number): boolean {
    if (this.#readers.length === 0) return false;
    this.#readers = this.#readers.filter(({ log, cursor, until }) =>
      until > now && log.end === undefined && cursor.seq >= log.first
    );
    return this.#readers.some(({ log, cursor }) => log.lag(cursor) > HALF);
  }
}
