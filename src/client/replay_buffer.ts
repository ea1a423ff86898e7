/**
 * What a producer keeps so that it can send it again.
 *
 * @module
 */

import { countLines, LINES_BYTES, SEQ_BYTES, skipLines, writeSeq } from "../protocol/data_frame.ts";

/** Messages that became a data frame together. */
interface Batch {
  readonly seq: number;
  readonly count: number;
  /** The frame: number, lines. */
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** What a batch costs besides its bytes, roughly. */
const OVERHEAD_BYTES = 256;
/** Room for the number, made of characters so that one call encodes the whole frame. */
const SEQ_ROOM = "\0".repeat(SEQ_BYTES);

/** Messages are put into one frame up to about so many bytes: a relay takes frames of {@linkcode LINES_BYTES} at least. */
const FRAME_BYTES = LINES_BYTES / 4;

const NEWLINE = 0x0a;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The newest messages of a run as data frames, acknowledged ones too: a relay that has lost its memory is filled again
 * from here. Over its bound it forgets the oldest of the acknowledged ones; the others it keeps, so who pushes looks at
 * {@linkcode full} first.
 *
 * @example
 * ```ts
 * import { ReplayBuffer } from "./replay_buffer.ts";
 * import assert from "node:assert/strict";
 *
 * const buffer = new ReplayBuffer(1024);
 * buffer.push(["1", "2"]);
 * assert.equal(new TextDecoder().decode(buffer.frameAt(1)!.frame.subarray(8)), "2\n");
 * buffer.acknowledge(2);
 * assert.deepEqual([buffer.first, buffer.acknowledged, buffer.next], [0, 2, 2]);
 * ```
 */
export class ReplayBuffer {
  /** Bytes kept at most, some overhead of each batch included. */
  readonly maxBytes: number;
  #batches: Batch[] = [];
  /** Index of the oldest batch; those before it are forgotten. */
  #head = 0;
  /** Index of the batch that was asked for last. */
  #at = 0;
  #first = 0;
  #next = 0;
  #acknowledged = 0;
  #bytes = 0;
  #unacknowledgedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The oldest message kept. */
  get first(): number {
    return this.#first;
  }

  /** The message after the newest one. */
  get next(): number {
    return this.#next;
  }

  /** The first message that is not acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Whether what is not acknowledged has reached the bound. */
  get full(): boolean {
    return this.#unacknowledgedBytes >= this.maxBytes;
  }

  /** Appends messages, each one compact JSON text. */
  push(texts: readonly string[]): void {
    for (let from = 0; from < texts.length;) {
      const to = endOfFrame(texts, from);
      const frame = encoder.encode(`${SEQ_ROOM}${texts.slice(from, to).join("\n")}\n`);
      this.#append(frame, to - from);
      from = to;
    }
  }

  /** Appends `count` messages, as lines each ended by a newline; they are copied. */
  pushLines(lines: Uint8Array, count: number): void {
    if (lines.length > FRAME_BYTES) {
      return this.push(decoder.decode(lines).slice(0, -1).split("\n"));
    }
    if (count === 0) return;
    const frame = new Uint8Array(SEQ_BYTES + lines.length);
    frame.set(lines, SEQ_BYTES);
    this.#append(frame, count);
  }

  #append(frame: Uint8Array<ArrayBuffer>, count: number): void {
    writeSeq(frame, 0, this.#next);
    this.#batches.push({ seq: this.#next, count, frame });
    this.#next += count;
    this.#bytes += frame.length + OVERHEAD_BYTES;
    this.#unacknowledgedBytes += frame.length + OVERHEAD_BYTES;
    this.#forget();
  }

  /** The relay has all before `next`. It may have less than it had before, when it is not the same relay. */
  acknowledge(next: number): void {
    this.#acknowledged = next;
    let bytes = 0;
    for (let i = this.#batches.length - 1; i >= this.#head; i--) {
      const { seq, count, frame } = this.#batches[i];
      if (seq + count <= next) break;
      bytes += frame.length + OVERHEAD_BYTES;
    }
    this.#unacknowledgedBytes = bytes;
    this.#forget();
  }

  /**
   * The frame that begins at message `seq`, and the message after it; `undefined` where there is none yet. It has at most
   * `maxBytes` of lines, or one longer line.
   *
   * @throws {RangeError} where that message is forgotten.
   */
  frameAt(
    seq: number,
    maxBytes: number = Infinity,
  ): { frame: Uint8Array; next: number } | undefined {
    if (seq >= this.#next) return undefined;
    if (seq < this.#first) throw new RangeError(`Message ${seq} is forgotten`);
    const batch = this.#find(seq);
    const next = batch.seq + batch.count;
    const lines = batch.frame.subarray(SEQ_BYTES);
    if (batch.seq === seq && lines.length <= maxBytes) return { frame: batch.frame, next };
    const rest = lines.subarray(skipLines(lines, seq - batch.seq));
    const part = rest.length <= maxBytes ? rest : rest.subarray(0, endOfPart(rest, maxBytes));
    const frame = new Uint8Array(SEQ_BYTES + part.length);
    writeSeq(frame, 0, seq);
    frame.set(part, SEQ_BYTES);
    return { frame, next: part === rest ? next : seq + countLines(part) };
  }

  /** Frames are asked for in order nearly always. */
  #find(seq: number): Batch {
    const batches = this.#batches;
    let at = Math.max(this.#head, Math.min(this.#at, batches.length - 1));
    while (at > this.#head && batches[at].seq > seq) at--;
    while (batches[at].seq + batches[at].count <= seq) at++;
    this.#at = at;
    return batches[at];
  }

  #forget(): void {
    while (this.#bytes > this.maxBytes) {
      const { seq, count, frame } = this.#batches[this.#head] ?? NOTHING;
      if (count === 0 || seq + count > this.#acknowledged) break;
      this.#head++;
      this.#first = seq + count;
      this.#bytes -= frame.length + OVERHEAD_BYTES;
      // the collector would leave this memory lying about until it happens to run
      frame.buffer.transfer(0);
    }
    if (this.#head > 1024 && this.#head > this.#batches.length / 2) {
      this.#batches = this.#batches.slice(this.#head);
      this.#at -= this.#head;
      this.#head = 0;
    }
  }
}

const NOTHING: Batch = { seq: 0, count: 0, frame: new Uint8Array(0) };

/** The end of the last line that ends within `maxBytes`, or of the first one. */
function endOfPart(lines: Uint8Array, maxBytes: number): number {
  const last = lines.lastIndexOf(NEWLINE, maxBytes - 1);
  return (last < 0 ? lines.indexOf(NEWLINE) : last) + 1;
}

/** Where the frame ends that begins with text `from`. Characters are counted: JSON of other than ASCII is up to thrice as long. */
function endOfFrame(texts: readonly string[], from: number): number {
  let length = texts[from].length;
  let to = from + 1;
  while (to < texts.length && length + texts[to].length < FRAME_BYTES) {
    length += texts[to++].length + 1;
  }
  return to;
}
