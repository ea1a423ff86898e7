/**
 * The log in memory.
 *
 * @module
 */

import { recordsWithin, skipRecords } from "../protocol/record.ts";
import { BLOCK_BYTES } from "./blocks.ts";
import type { ChannelLog, Cursor, LogEnd } from "./channel_log.ts";
import { Segment } from "./segment.ts";

/** Options of {@linkcode MemoryLog}. */
export interface MemoryLogOptions {
  /** Place of the first message (default 0): above 0 where the producer has no longer what was before. */
  first?: number;
  /** Messages retained at most (default 100,000); over it the oldest are forgotten. */
  maxMessages?: number;
  /** Bytes held at most (default 8 MiB); over it the oldest messages are forgotten. The newest run always stays. */
  maxBytes?: number;
}

const MIN_SEGMENT = 1024;
const MAX_SEGMENT = BLOCK_BYTES;
/**
 * A segment is an eighth of the log, has room for so many runs like the one it is made for, and for this many bytes: a stream
 * of single tokens takes its memory in small steps, as each holds up all other streams.
 */
const PART = 1 / 8;
const RUNS_PER_SEGMENT = 64;
const SMALL_SEGMENT = 8 * 1024;

/** A run from this size on is spread over two segments, bytes. */
const LONG_RUN = 16 * 1024;

let logs = 0;

/**
 * By how much the steps of a log differ from the usual ones: 0.5 to 1.5, spread evenly by the golden ratio. The thousand tasks
 * of a job array begin together and speak at one pace; with equal steps they would all want memory in the same moment
 * (measured: every stream stood still for 0.1 to 0.2 s).
 */
function stepFactor(): number {
  return 0.5 + ++logs * 0.618034 % 1;
}

/** A reader's place: a segment and an offset in it. */
class MemoryCursor implements Cursor {
  held: Segment | undefined;
  constructor(public segment: Segment | undefined, public offset: number, public seq: number) {}
}

/**
 * A {@linkcode ChannelLog} of append-only segments. Small messages that come one at a time end up side by side, so a
 * late reader is served in large pieces whatever the producer's pace was.
 *
 * Memory is counted as allocated, not as filled. A log grows with its content: 1 KiB first, each further segment at most
 * half as large as all before it, up to 256 KiB.
 *
 * @example
 * ```ts
 * import { MemoryLog } from "./memory_log.ts";
 * import { encodeRecord } from "../protocol/record.ts";
 * import assert from "node:assert/strict";
 *
 * const log = new MemoryLog("epoch-1");
 * log.append(encodeRecord(new TextEncoder().encode("hello")), 1);
 * const cursor = log.cursor(0);
 * assert.equal((log.read(cursor) as Uint8Array).length, 2 + 5);
 * assert.equal(log.read(cursor), undefined);
 * ```
 */
export class MemoryLog implements ChannelLog {
  readonly epoch: string;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #stepFactor = stepFactor();
  readonly #portion: { readonly messages: number; readonly bytes: number };
  #head: Segment | undefined;
  #tail: Segment | undefined;
  #first: number;
  #next: number;
  #bytes = 0;
  /** Bytes of all segments so far, forgotten ones included. */
  #allocated = 0;
  #end: LogEnd | undefined;

  constructor(epoch: string, options: MemoryLogOptions = {}) {
    this.epoch = epoch;
    this.#maxMessages = options.maxMessages ?? 100_000;
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
    this.#first = this.#next = options.first ?? 0;
    this.#portion = {
      messages: Math.max(1, Math.floor(this.#maxMessages / 4)),
      // with fewer than eight of the smallest segments, any new one may push out the last
      bytes: this.#maxBytes < 8 * MIN_SEGMENT ? 0 : Math.floor(this.#maxBytes / 4),
    };
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get end(): LogEnd | undefined {
    return this.#end;
  }

  get portion(): { readonly messages: number; readonly bytes: number } {
    return this.#portion;
  }

  append(records: Uint8Array, count: number): void {
    if (this.#end !== undefined) throw new TypeError("Cannot append to a log that has ended");
    if (this.#tail?.fits(records.length) !== true) {
      const { count: before, end } = this.#fill(records);
      records = records.subarray(end);
      count -= before;
      this.#grow(records.length);
    }
    this.#push(records, count);
    if (this.#next - this.#first > this.#maxMessages) this.#forget(this.#next - this.#maxMessages);
    if (this.#bytes > this.#maxBytes) this.shrink(this.#maxBytes);
  }

  close(end: LogEnd): void {
    this.#end ??= end;
  }

  reopen(): void {
    this.#end = undefined;
  }

  shrink(bytes: number): void {
    while (this.#bytes > bytes && this.#head !== undefined) {
      if (this.#head === this.#tail && this.#end === undefined && bytes > 0) return;
      this.#drop(this.#head);
    }
  }

  cursor(seq: number): Cursor {
    if (seq > this.#next || seq < 0) {
      throw new RangeError(`Cannot read from message ${seq}: the log has ${this.#next}`);
    }
    seq = Math.max(seq, this.#first);
    let segment = this.#head;
    while (segment !== undefined && segment.next <= seq && segment.following !== undefined) {
      segment = segment.following;
    }
    if (segment === undefined) return new MemoryCursor(undefined, 0, seq);
    const skipped = segment.from(0);
    return new MemoryCursor(segment, skipRecords(skipped, 0, seq - segment.first), seq);
  }

  read(cursor: Cursor): Uint8Array | undefined | "gone" {
    const at = cursor as MemoryCursor;
    if (at.seq === this.#next) return undefined;
    if (at.seq < this.#first) return "gone";
    let segment = at.segment;
    if (segment === undefined || at.offset === segment.used) {
      segment = segment?.following ?? this.#head!;
      at.segment = segment;
      at.offset = 0;
    }
    const view = segment.from(at.offset);
    at.offset = segment.used;
    at.seq = segment.next;
    return view;
  }

  lag(cursor: Cursor): number {
    const { seq, segment } = cursor as MemoryCursor;
    const bytes = this.#allocated - (segment?.start ?? 0);
    return Math.max(bytes / this.#maxBytes, (this.#next - seq) / this.#maxMessages);
  }

  hold(cursor: Cursor): void {
    const at = cursor as MemoryCursor;
    if (at.held !== undefined || at.segment === undefined) return;
    at.held = at.segment;
    at.held.hold();
  }

  release(cursor: Cursor): void {
    const at = cursor as MemoryCursor;
    if (at.held === undefined) return;
    at.held.release();
    at.held = undefined;
  }

  #push(records: Uint8Array, count: number): void {
    this.#tail!.push(records, count);
    this.#next += count;
  }

  /**
   * Appends the beginning of a long run where there is room for it, or up to half of what is held would be empty. Not of one
   * that may itself push out what was before: readers at the tail have not read it yet.
   */
  #fill(records: Uint8Array): { readonly count: number; readonly end: number } {
    const long = records.length > LONG_RUN && records.length <= this.#largest;
    const part = recordsWithin(records, { bytes: long ? this.#tail?.room ?? 0 : 0 });
    if (part.count > 0) this.#push(records.subarray(0, part.end), part.count);
    return part;
  }

  /** The size of segment from which on they grow no more, bytes. */
  get #largest(): number {
    return Math.max(MIN_SEGMENT, Math.min(MAX_SEGMENT, Math.floor(this.#maxBytes / 8)));
  }

  #grow(needed: number): void {
    const bytes = this.#bytes;
    const step = Math.max(SMALL_SEGMENT, needed * RUNS_PER_SEGMENT, bytes * PART);
    const usual = Math.floor(Math.min(this.#largest, bytes / 2, step * this.#stepFactor));
    const segment = new Segment(this.#next, this.#allocated, Math.max(MIN_SEGMENT, usual, needed));
    if (this.#tail !== undefined) this.#tail.following = segment;
    this.#head ??= segment;
    this.#tail = segment;
    this.#bytes += segment.capacity;
    this.#allocated += segment.capacity;
  }

  /** Forgets the messages before `seq`; memory is given back when a whole segment is. */
  #forget(seq: number): void {
    this.#first = seq;
    while (this.#head !== undefined && this.#head.next <= seq && this.#head !== this.#tail) {
      this.#drop(this.#head);
    }
  }

  #drop(segment: Segment): void {
    this.#head = segment.following;
    if (this.#head === undefined) this.#tail = undefined;
    segment.following = undefined;
    this.#bytes -= segment.capacity;
    segment.free();
    this.#first = Math.max(this.#first, segment.next);
  }
}
