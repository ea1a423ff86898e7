/**
 * A piece of a log in one block of memory, only ever appended to.
 *
 * @module
 */

import { giveBlock, takeBlock } from "./blocks.ts";

/** Records of consecutive messages. What lies below `used` never changes, so views of it can be handed out. */
export class Segment {
  /** Place of the first message in it. */
  readonly first: number;
  /** Bytes of all segments before it. */
  readonly start: number;
  /** Number of messages in it. */
  count = 0;
  /** Bytes written. */
  used = 0;
  /** The segment after this one; cleared on removal, or a slow reader's cursor would keep the whole log alive. */
  following: Segment | undefined;

  readonly #bytes: Uint8Array;
  #view: Uint8Array;
  #viewFrom = 0;
  /** How many readers have bytes of it under way to a socket: its memory is not used again meanwhile. */
  #holds = 0;
  #freed = false;

  constructor(first: number, start: number, capacity: number) {
    this.first = first;
    this.start = start;
    this.#bytes = takeBlock(capacity);
    this.#view = this.#bytes.subarray(0, 0);
  }

  /** A reader has bytes of it under way. */
  hold(): void {
    this.#holds++;
  }

  /** It no longer has. */
  release(): void {
    this.#holds--;
    this.#give();
  }

  /** Gives its memory back, once nothing of it is under way; nobody reads it any more. */
  free(): void {
    this.#freed = true;
    this.#give();
  }

  #give(): void {
    if (this.#freed && this.#holds === 0) giveBlock(this.#bytes);
  }

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Place of the message after the last one in it. */
  get next(): number {
    return this.first + this.count;
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#bytes.length - this.used;
  }

  /** Whether `size` more bytes fit. */
  fits(size: number): boolean {
    return size <= this.room;
  }

  /** Appends `count` messages. */
  push(records: Uint8Array, count: number): void {
    this.#bytes.set(records, this.used);
    this.used += records.length;
    this.count += count;
  }

  /** What was written from `offset` on. All readers at the same place get the same view, so fan-out makes it once. */
  from(offset: number): Uint8Array {
    if (this.#viewFrom !== offset || this.#view.length !== this.used - offset) {
      this.#view = this.#bytes.subarray(offset, this.used);
      this.#viewFrom = offset;
    }
    return this.#view;
  }
}
