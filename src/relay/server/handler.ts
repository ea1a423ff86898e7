/**
 * What a connection is used for.
 *
 * @module
 */

/** What a connection is used for: a producer, a consumer, a client that has yet to show its credential. */
export interface Handler {
  /** Text messages came; see `FrameSink.texts`. */
  texts(records: Uint8Array, count: number, last: number): void;
  /** A binary message came; see `FrameSink.binary`. Where it is missing none is accepted. */
  binary?(payload: Uint8Array, ascii: boolean): void;
  /** All that was read in one go has been handed on. */
  flush(): void;
  /** Everything sent is written, after a `send` that returned `false`. */
  drained(): void;
  /** The connection is over; called once with the close code of the peer's goodbye: 1005 where it gave none, 1006 where there was no goodbye. */
  gone(code: number): void;
  /** The socket is closed, too: nothing of what was sent is read from any more. Called after {@linkcode Handler.gone}. */
  closed?(): void;
  /** The relay is shutting down and the connection about to be closed: the last chance to say so. */
  drain(): void;
  /** Called every second or so. */
  tick?(): void;
}
