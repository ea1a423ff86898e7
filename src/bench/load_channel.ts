/**
 * One channel of the load, its producer's side.
 *
 * @module
 */

import type { Sender } from "./endpoints.ts";
import type { Schedule } from "./schedule.ts";
import type { Stamp } from "./stamp.ts";
import { RunningHash } from "./verifier.ts";

/** Options of {@linkcode LoadChannel}. */
export interface LoadChannelOptions {
  readonly id: string;
  /** Its number in the whole load. */
  readonly index: number;
  /** Its number in the schedule of this process. */
  readonly own: number;
  readonly schedule: Schedule;
  readonly stamp: Stamp;
  /** Due times from here on are measured, ms of the schedule; before that is the warm-up. */
  readonly fromMs: number;
}

/** Sends a channel's messages, and knows of each when it was due. */
export class LoadChannel {
  readonly id: string;
  readonly index: number;
  readonly hash = new RunningHash();
  /** Its producer's connection, once that stands. */
  sender: Sender | undefined;
  /** Whether that was lost. */
  isCut = false;
  /** Messages that were sent. */
  sent = 0;
  readonly #options: LoadChannelOptions;
  /** From message `skipFrom` on, as many were left out: what a client was too slow for in the warm-up. */
  #skipFrom = 0;
  #skipped = 0;

  constructor(options: LoadChannelOptions) {
    this.#options = options;
    this.id = options.id;
    this.index = options.index;
  }

  /** When message `seq` was due, ms of the schedule. */
  dueOf(seq: number): number {
    const { schedule, own } = this.#options;
    return schedule.dueOf(own, seq < this.#skipFrom ? seq : seq + this.#skipped);
  }

  /** Sends the schedule's message `k`, built in `content`; returns whether it could be taken. `sentMs` is the schedule's now. */
  send(k: number, { content, sentMs }: { content: Uint8Array; sentMs: number }): boolean {
    const { schedule, stamp, fromMs } = this.#options;
    const { sender, index, sent: seq } = this;
    if (sender === undefined) return false;
    const skipped = schedule.seqOf(k) - seq;
    if (skipped !== this.#skipped) {
      // after the warm-up one that cannot take a message is behind for good: numbers have no gaps
      if (this.#skipped > 0 || schedule.dueMs(k) >= fromMs + schedule.periodMs) return false;
      this.#skipFrom = seq;
      this.#skipped = skipped;
    }
    stamp.write(content, 0, { channel: index, seq, sentMs });
    if (!sender.send(content)) return false;
    this.hash.add(content);
    this.sent++;
    return true;
  }
}
