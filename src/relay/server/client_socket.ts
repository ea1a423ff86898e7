/**
 * What a connection asks of its socket.
 *
 * @module
 */

/** A socket after its handshake: the runtime's, or one that was taken out of its hands. */
export interface ClientSocket {
  /** Bytes that the system has not taken. */
  readonly writableLength: number;
  readonly destroyed: boolean;
  /** `end`: the peer sends nothing more. `error`: something broke. `close`: all is over; always the last one. */
  on(event: "end" | "error" | "close", listener: () => void): unknown;
  /** Sends; calls back once the system has taken it, or with what broke, where it is not told by `writableLength` already. */
  write(bytes: Uint8Array | string, written?: (error?: Error | null) => void): unknown;
  /** Reads nothing until {@linkcode ClientSocket.resume}. */
  pause(): unknown;
  /** Reads on. */
  resume(): unknown;
  /** Sends nothing more after what was written, and tells the peer so. */
  end(): unknown;
  /** Ends the connection now. */
  destroy(): unknown;
}
