/**
 * The contract of a channel's log: what every back end keeps, and what every surface relies on.
 *
 * @module
 */

/** How a stream ended; nothing is appended after it. */
export interface LogEnd {
  /**
   * `done`: the producer finished. `error`: it reported one. `cancelled`: it was asked to stop and did. `closed`: it left
   * in good order and its last message cannot be read here, being encrypted. `lost`: it left in the middle. `expired`: a
   * time limit passed.
   */
  readonly status: "done" | "error" | "cancelled" | "closed" | "lost" | "expired";
  /** Exit code of the producer's command, where it is known. */
  readonly exitCode?: number;
  /** Signal that ended it, where it is known. */
  readonly signal?: string;
}

/** A reader's place in a log. Made by {@linkcode ChannelLog.cursor}, moved by {@linkcode ChannelLog.read}. */
export interface Cursor {
  /** Place of the next message to read, from 0. */
  readonly seq: number;
}

/**
 * The messages of one epoch (one producer run) of a channel, in order, as opaque payloads.
 *
 * Appending never waits and never fails: over its bounds a log forgets its oldest messages, and a cursor that
 * still wanted them reads `"gone"`.
 */
export interface ChannelLog {
  /** Identity of the producer run. */
  readonly epoch: string;
  /** Place of the oldest message that is still retained. */
  readonly first: number;
  /** Place that the next appended message will have: the number of messages so far. */
  readonly next: number;
  /** Bytes of memory held. */
  readonly bytes: number;
  /** Set once the stream has ended. */
  readonly end: LogEnd | undefined;

  /**
   * So much may be appended before the readers are given a look, without anything being forgotten that those who keep up
   * have not seen. A single message may be more.
   */
  readonly portion: { readonly messages: number; readonly bytes: number };

  /** Appends `count` messages as a run of records (`protocol/record.ts`), which is copied. Throws a `TypeError` after the end. */
  append(records: Uint8Array, count: number): void;
  /** Ends the log; only the first call counts. */
  close(end: LogEnd): void;
  /** Takes the end back: who was thought lost goes on. */
  reopen(): void;
  /** Forgets the oldest messages until at most `bytes` of memory are held. */
  shrink(bytes: number): void;
  /** A cursor at `seq`, or at the oldest retained message where that is later. Throws a `RangeError` beyond `next`. */
  cursor(seq: number): Cursor;
  /**
   * The next run of whole records at the cursor, which moves behind it; `undefined` at the tail (or the end),
   * `"gone"` where messages from the cursor on are no longer retained.
   *
   * The run is a view of the log's memory, which is used again once its messages are forgotten: who needs it longer
   * than the call that read it must {@linkcode hold} the cursor.
   */
  read(cursor: Cursor): Uint8Array | undefined | "gone";
  /** How much of what is retained lies behind the cursor, as the part of the bound, messages or bytes, that it takes: 0 to 1. */
  lag(cursor: Cursor): number;
  /** Keeps the memory of the last run read at the cursor as it is, whatever is forgotten, until it is released. */
  hold(cursor: Cursor): void;
  /** Ends {@linkcode hold}. */
  release(cursor: Cursor): void;
}
