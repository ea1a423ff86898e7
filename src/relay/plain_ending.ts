/**
 * How the stream of a plain producer ends.
 *
 * @module
 */

import { messageType } from "../protocol/message_type.ts";
import { payloadStart, recordEnd } from "../protocol/record.ts";

/** What the last message says about how the stream stands. */
type Tail = "open" | "error" | "sealed";

/**
 * Judges by the last message how a stream stands: a plain producer has no other way to say it. A resumable one says it in words
 * of their own; its messages are not shown here, so that without those words it is lost.
 *
 * @example
 * ```ts
 * import { encodeRecord } from "../protocol/record.ts";
 * import { PlainEnding } from "./plain_ending.ts";
 * import assert from "node:assert/strict";
 *
 * const ending = new PlainEnding();
 * ending.take(encodeRecord(new TextEncoder().encode('{"type":"error"}')), 0);
 * assert.equal(ending.left(true), "error");
 * ```
 */
export class PlainEnding {
  #tail: Tail = "open";

  /** A run of records came whose last one begins at `last`; how the stream has ended, where that says so. */
  take(records: Uint8Array, last: number): "done" | "error" | undefined {
    const type = messageType(records, payloadStart(records, last), records.length);
    const end = type === "done" ? this.#statusAtDone(records) : undefined;
    this.#tail = type === "error" ? "error" : type === "enc" ? "sealed" : "open";
    return end;
  }

  /** How it has ended, the producer having left without a `done`; in good order where `clean`. */
  left(clean: boolean): "error" | "closed" | "lost" {
    if (this.#tail === "error") return "error";
    return clean && this.#tail === "sealed" ? "closed" : "lost";
  }

  /** `error` where the first `done` of the run follows an error message, as it does when a producer reports one. */
  #statusAtDone(records: Uint8Array): "done" | "error" {
    let failed = this.#tail === "error";
    for (let at = 0; at < records.length;) {
      const end = recordEnd(records, at);
      const type = messageType(records, payloadStart(records, at), end);
      if (type === "done") break;
      failed = type === "error";
      at = end;
    }
    return failed ? "error" : "done";
  }
}
