/**
 * One reader of a channel.
 *
 * @module
 */

import type { ChannelLog, Cursor, LogEnd } from "../log/channel_log.ts";

/** Where a {@linkcode Subscriber} puts what it reads; a transport implements it. */
export interface Outlet {
  /** The stream begins at message `from`; `from` above 0 says that earlier ones are no longer retained. */
  begin(epoch: string, from: number): void;
  /**
   * Sends a run of records that begins at message `seq`. `true`: the run is of no more use. `false`: it is still being
   * read from until {@linkcode Subscriber.drained} is called.
   */
  write(records: Uint8Array, seq: number): boolean;
  /** Everything was written and the stream has ended. */
  end(end: LogEnd): void;
  /** Messages this reader had still to get are no longer retained. */
  fellBehind(): void;
}

/**
 * Reads a log at the pace of its outlet, from a cursor: it has no queue, so a slow reader costs no memory and slows
 * nobody. It is woken after each append and otherwise does nothing.
 */
export class Subscriber {
  #log: ChannelLog | undefined;
  #cursor: Cursor | undefined;
  #blocked = false;
  #finished = false;
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Whether the outlet has to take something before more is read. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** The log being read; `undefined` while the channel waits for a producer. */
  get log(): ChannelLog | undefined {
    return this.#log;
  }

  /** Begins to read `log` at its oldest message. */
  begin(log: ChannelLog): void {
    this.#log = log;
    this.#cursor = log.cursor(0);
    this.#outlet.begin(log.epoch, this.#cursor.seq);
    this.wake();
  }

  /** There will be nothing to read. */
  abandon(end: LogEnd): void {
    if (!this.#finished) this.#finish(() => this.#outlet.end(end));
  }

  /** The outlet has room again. */
  drained(): void {
    this.#blocked = false;
    this.#log?.release(this.#cursor!);
    this.wake();
  }

  /** Reads all there is, as long as the outlet takes it. */
  wake(): void {
    const log = this.#log;
    const cursor = this.#cursor;
    if (log === undefined || cursor === undefined || this.#finished) return;
    while (!this.#blocked) {
      const seq = cursor.seq;
      const records = log.read(cursor);
      if (records === "gone") return this.#finish(() => this.#outlet.fellBehind());
      if (records === undefined) {
        if (log.end !== undefined) this.#finish(() => this.#outlet.end(log.end!));
        return;
      }
      this.#blocked = !this.#outlet.write(records, seq);
      if (this.#blocked) log.hold(cursor);
    }
    // a blocked reader whose messages are gone is told now, not when it happens to read again
    if (cursor.seq < log.first) this.#finish(() => this.#outlet.fellBehind());
  }

  #finish(tell: () => void): void {
    this.#finished = true;
    tell();
  }
}
