/**
 * How messages become the body of an HTTP answer: what each format has to bring along.
 *
 * @module
 */

/** Where a message lies in a run of records, and where it stands in its run. Used again for the next one, hence not readonly. */
export interface MessagePlace {
  records: Uint8Array;
  /** Its payload is `records[start, end)`. */
  start: number;
  end: number;
  epoch: string;
  seq: number;
}

/** Writes messages in one format. */
export interface BodyWriter {
  /** Bytes that a message with `length` bytes of payload takes at most. */
  room(length: number): number;
  /**
   * Writes the message to `target` from `offset` on, where {@linkcode BodyWriter.room} is; returns where it ends. A message
   * that the format has no words for is left out; `undefined`: it cannot be, the body ends here.
   */
  write(target: Uint8Array, offset: number, place: MessagePlace): number | undefined;
}
