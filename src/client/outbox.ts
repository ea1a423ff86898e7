/**
 * The messages of a run on their way to the relay.
 *
 * @module
 */

import type { EndDetails, RunStatus } from "../protocol/control.ts";
import { SEQ_BYTES } from "../protocol/data_frame.ts";
import { ReplayBuffer } from "./replay_buffer.ts";

/** How a run ends. */
export interface Ending extends EndDetails {
  readonly status: RunStatus;
}

/** A data frame, and the number of the message after it. */
export interface OutgoingFrame {
  readonly frame: Uint8Array;
  readonly next: number;
}

/**
 * All of a run that may have to be sent, the end included, and what of it may go now: over all connections, each of which
 * begins where the relay {@linkcode restart}s it. Of what a relay has not acknowledged no more is on its way than its window
 * has, but always one frame.
 *
 * @example
 * ```ts
 * import { Outbox } from "./outbox.ts";
 * import assert from "node:assert/strict";
 *
 * const outbox = new Outbox(1024);
 * outbox.buffer.push(['{"type":"done"}']);
 * outbox.end({ status: "done" });
 * outbox.restart(0, 1);
 * const frame = outbox.frame()!;
 * outbox.sent(frame);
 * outbox.acknowledge(frame.next);
 * assert.deepEqual(outbox.takeEnd(), { next: 1, status: "done" });
 * assert.equal(outbox.ready, false);
 * ```
 */
export class Outbox {
  /** The messages, those that were acknowledged too. */
  readonly buffer: ReplayBuffer;

  #next = 0;
  /** Frames that are on their way: the number after their messages, and their bytes of lines. */
  #flying: { readonly next: number; readonly bytes: number }[] = [];
  #flyingBytes = 0;
  #windowBytes = 0;
  #ending: Ending | undefined;
  #endTaken = false;

  /** `maxBytes` of messages are kept, or more where the relay has not acknowledged them. */
  constructor(maxBytes: number) {
    this.buffer = new ReplayBuffer(maxBytes);
  }

  /** The first message that the relay was not sent. */
  get next(): number {
    return this.#next;
  }

  /** Whether everything was sent, the end too. */
  get empty(): boolean {
    return this.#endTaken && this.#next === this.buffer.next;
  }

  /** Whether something may go now: a frame, or behind the last one the end. */
  get ready(): boolean {
    if (this.#next < this.buffer.next) return this.#open;
    return this.#ending !== undefined && !this.#endTaken;
  }

  /** Nothing follows but this. */
  end(ending: Ending): void {
    this.#ending = ending;
  }

  /** A connection begins on which the relay wants message `next`, and takes so many bytes of lines unacknowledged. */
  restart(next: number, windowBytes: number): void {
    this.#next = next;
    this.#flying = [];
    this.#flyingBytes = 0;
    this.#windowBytes = windowBytes;
    this.#endTaken = false;
    this.buffer.acknowledge(next);
  }

  /** The next frame, where one may go now. It is the same until it is {@linkcode sent}. */
  frame(): OutgoingFrame | undefined {
    return this.#open ? this.buffer.frameAt(this.#next, this.#windowBytes) : undefined;
  }

  /** The next frame is on its way. */
  sent({ frame, next }: OutgoingFrame): void {
    const bytes = frame.length - SEQ_BYTES;
    this.#next = next;
    this.#flying.push({ next, bytes });
    this.#flyingBytes += bytes;
  }

  /** The end, and how many messages come before it; `undefined` while there are messages to send, where none was stated, and the second time. */
  takeEnd(): (Ending & { readonly next: number }) | undefined {
    if (this.#ending === undefined || this.#endTaken || this.#next < this.buffer.next) return;
    this.#endTaken = true;
    return { next: this.buffer.next, ...this.#ending };
  }

  /** The relay has everything before message `next`. */
  acknowledge(next: number): void {
    this.buffer.acknowledge(next);
    let landed = 0;
    while (landed < this.#flying.length && this.#flying[landed].next <= next) {
      this.#flyingBytes -= this.#flying[landed++].bytes;
    }
    this.#flying.splice(0, landed);
  }

  get #open(): boolean {
    return this.#flyingBytes === 0 || this.#flyingBytes < this.#windowBytes;
  }
}
