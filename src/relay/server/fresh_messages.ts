/**
 * The numbers of a body's messages.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import { countLines, skipLines } from "../../protocol/data_frame.ts";
import { LinesToRecords, type RecordRun } from "../../protocol/line_codec.ts";
import { badRequest } from "./http_error.ts";

/** Options of {@linkcode FreshMessages}. */
export interface FreshMessagesOptions {
  /** Number of the first message of the body. */
  readonly seq: number;
  /** Number of the next message that the log lacks. */
  readonly next: number;
  readonly maxMessageBytes: number;
}

/** The relay works on one batch at a time, so one converter serves all. */
const converter = new LinesToRecords();

/**
 * Counts the messages of a body, and leaves out those that the log has from an earlier request.
 *
 * @example
 * ```ts
 * import { FreshMessages } from "./fresh_messages.ts";
 * import assert from "node:assert/strict";
 *
 * const messages = new FreshMessages({ seq: 0, next: 2, maxMessageBytes: 100 });
 * const lines = new TextEncoder().encode("{}\n{}\n{}\n");
 * assert.equal(messages.of(lines)?.count, 1);
 * assert.deepEqual([messages.count, messages.next, messages.overlapped], [3, 3, true]);
 * ```
 */
export class FreshMessages {
  readonly #maxMessageBytes: number;
  #seq: number;
  #next: number;
  #count = 0;
  #overlapped = false;

  constructor({ seq, next, maxMessageBytes }: FreshMessagesOptions) {
    this.#seq = seq;
    this.#next = next;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Messages of the body so far, those left out included. */
  get count(): number {
    return this.#count;
  }

  /** Number of the next message of the body. */
  get next(): number {
    return this.#seq;
  }

  /** Whether some were left out. */
  get overlapped(): boolean {
    return this.#overlapped;
  }

  /**
   * The messages in whole lines that the log lacks, valid until the next call; `undefined` where there is none.
   *
   * @throws {RelayError} `too_big`, or `bad_request` where numbers are used up.
   */
  of(lines: Uint8Array): RecordRun | undefined {
    const count = countLines(lines);
    const known = Math.min(count, Math.max(0, this.#next - this.#seq));
    this.#count += count;
    this.#seq += count;
    if (known > 0) this.#overlapped = true;
    const fresh = known === 0 ? lines : lines.subarray(skipLines(lines, known));
    if (fresh.length === 0) return undefined;
    const run = converter.convert(fresh);
    if (run.longest > this.#maxMessageBytes) throw new RelayError("too_big");
    if (this.#seq > Number.MAX_SAFE_INTEGER) throw badRequest("numbers are used up");
    this.#next = this.#seq;
    return run;
  }
}
