/**
 * Data frames for the readers of a channel.
 *
 * @module
 */

import { SEQ_BYTES, writeSeq } from "../../protocol/data_frame.ts";
import { writeLines } from "../../protocol/line_codec.ts";
import { headerSize, writeHeader } from "../../protocol/record.ts";
import { Views } from "../../protocol/views.ts";

/** FIN and the binary opcode, RFC 6455 §5.2. */
const BINARY_MARK = 0x82;
/** Where the lines begin: behind the longest header of a frame, and the number of its first message. */
const LINES_AT = 10 + SEQ_BYTES;
const LEAST_BYTES = 64 * 1024;
/** Scratch memory above this size is not kept, bytes. */
const WORTH_KEEPING = 1024 * 1024;

/**
 * Makes data frames of runs of records, in memory that is used again. Readers at the same place of a log are handed the
 * same view, so all of them get the frame that was made for the first.
 */
export class LineFrames {
  #scratch = framesIn(LEAST_BYTES);
  #records: Uint8Array | undefined;
  #seq = 0;
  #frame: Uint8Array = new Uint8Array(0);

  /** The frame for `records`, of which the first is message `seq`; valid until the next call, or longer after {@linkcode keep}. */
  frame(records: Uint8Array, seq: number): Uint8Array {
    if (this.#records === records && this.#seq === seq) return this.#frame;
    const room = this.#room(LINES_AT + records.length);
    const target = room.bytes;
    const end = writeLines(records, target, LINES_AT);
    writeHeader(target, startOf(end), end - LINES_AT + SEQ_BYTES, BINARY_MARK);
    writeSeq(target, LINES_AT - SEQ_BYTES, seq);
    this.#records = records;
    this.#seq = seq;
    return this.#frame = room.to(end);
  }

  /** Someone still reads the last frame: its memory is not used again. */
  keep(): void {
    if (this.#frame.buffer === this.#scratch.bytes.buffer) this.#scratch = framesIn(0);
  }

  #room(size: number): Views {
    if (size <= this.#scratch.bytes.length) return this.#scratch;
    const room = framesIn(Math.max(LEAST_BYTES, size));
    if (room.bytes.length <= WORTH_KEEPING) this.#scratch = room;
    return room;
  }
}

/** Memory for a frame, which begins where its end says. */
function framesIn(bytes: number): Views {
  return new Views(new Uint8Array(bytes), startOf);
}

/** Where a frame begins of which the lines end before `end`. */
function startOf(end: number): number {
  return LINES_AT - SEQ_BYTES - headerSize(end - LINES_AT + SEQ_BYTES);
}
