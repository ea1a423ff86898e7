/**
 * Which messages are taken to be sent, and what became of them.
 *
 * @module
 */

import type { Uplink } from "./uplink.ts";

/**
 * Counts messages that are to be sent. Where there is no room for them they are dropped, and with them all that follow: a
 * stream may lack its end, but nothing in its middle.
 */
export class Intake {
  readonly #uplink: Pick<Uplink, "acknowledged" | "failure" | "full" | "room" | "sent">;
  #taken = 0;
  #dropped = 0;

  constructor(uplink: Pick<Uplink, "acknowledged" | "failure" | "full" | "room" | "sent">) {
    this.#uplink = uplink;
  }

  /** Messages that were not taken. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Messages that readers will not have: dropped ones, and, once nothing can be sent any more, those that never were. */
  get undelivered(): number {
    if (this.#uplink.failure === undefined) return this.#dropped;
    return this.#dropped + Math.max(0, this.#taken - this.#uplink.sent);
  }

  /** Messages that were sent and that the relay has not acknowledged: readers have them, or not. */
  get unconfirmed(): number {
    return Math.max(0, Math.min(this.#taken, this.#uplink.sent) - this.#uplink.acknowledged);
  }

  /**
   * Whether so many messages are to be sent; else they are counted as dropped. A promise only where there is no room now,
   * which costs fast streams nothing.
   *
   * @throws {RelayError} by its promise: why nothing can be sent any more.
   */
  take(count: number): true | Promise<boolean> {
    if (this.#dropped > 0 || this.#uplink.full) return this.#takeLater(count);
    this.#taken += count;
    return true;
  }

  async #takeLater(count: number): Promise<boolean> {
    if (this.#dropped === 0 && await this.#uplink.room()) {
      this.#taken += count;
      return true;
    }
    this.#dropped += count;
    if (this.#uplink.failure !== undefined) throw this.#uplink.failure;
    return false;
  }
}
