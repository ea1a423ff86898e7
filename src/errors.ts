/**
 * The one error class that callers catch, and the one table that says what each kind of failure
 * looks like as an HTTP status, as a WebSocket close code and as the exit code of a command.
 *
 * @module
 */

/** How one kind of failure shows on each surface. */
export interface ErrorRow {
  /** HTTP status of the answer. */
  readonly status: number;
  /** WebSocket close code (RFC 6455 §7.4; 4000–4999 are ours). */
  readonly close: number;
  /** Exit code of a command that ends because of it. */
  readonly exit: number;
  /** The generic text a peer is given; details go to the log only. At most 123 bytes (RFC 6455 §5.5). */
  readonly text: string;
}

const row = (status: number, close: number, exit: number, text: string): ErrorRow => ({
  status,
  close,
  exit,
  text,
});

/** Code → HTTP status, close code, exit code, text for a peer. */
export const ERRORS = {
  usage: row(400, 4000, 2, "wrong usage"),
  bad_path: row(404, 4000, 2, "no such path: use /produce/{channel} or /consume/{channel}"),
  bad_channel: row(
    400,
    4000,
    2,
    "bad channel id: 1 to 128 characters of A-Z a-z 0-9 . _ ~ -",
  ),
  bad_request: row(400, 4002, 2, "not a valid request"),
  unauthorized: row(401, 4003, 3, "credential missing or refused"),
  forbidden: row(403, 4003, 3, "the credential does not allow that"),
  no_channel: row(404, 4000, 4, "no such channel"),
  producer_exists: row(409, 4001, 4, "a producer is already connected to this channel"),
  bad_frame: row(400, 1002, 4, "WebSocket protocol error"),
  bad_data: row(415, 1003, 4, "only text messages are accepted here"),
  bad_text: row(400, 1007, 4, "text message is not valid UTF-8"),
  too_big: row(413, 1009, 4, "message too big"),
  protocol: row(400, 4002, 4, "protocol error"),
  fenced: row(409, 4009, 4, "another run has taken this channel"),
  too_slow: row(503, 4008, 5, "reader fell behind what is retained"),
  limit: row(429, 4010, 4, "a limit of this relay is reached: try again later"),
  expired: row(410, 4012, 5, "channel expired"),
  draining: row(503, 1001, 4, "relay is shutting down: reconnect"),
  unreachable: row(502, 1011, 4, "relay unreachable"),
  timeout: row(504, 4012, 4, "time limit passed"),
  producer_error: row(500, 1000, 1, "the producer reported an error"),
  incomplete: row(500, 1000, 5, "stream incomplete"),
  cancelled: row(500, 1000, 7, "the stream was cancelled"),
  integrity: row(500, 1000, 6, "decryption or integrity failure"),
  internal: row(500, 1011, 70, "internal error"),
} as const satisfies Record<string, ErrorRow>;

/** A key of {@linkcode ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/**
 * The failure of something that may be expected to fail: a peer, the network, a limit, a key.
 * `message` is for the local user or log; a peer is sent {@linkcode RelayError.peerText}.
 * No secret, key, token or content is ever part of it.
 *
 * @example
 * ```ts
 * import { RelayError } from "./errors.ts";
 * import assert from "node:assert/strict";
 *
 * const error = new RelayError("unreachable", "Cannot reach the relay: connection refused");
 * assert.equal(error.row.exit, 4);
 * ```
 */
export class RelayError extends Error {
  override readonly name = "RelayError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** Whether the same will happen again until somebody changes something: trying again is no use. */
  readonly lasting: boolean;
  /** What a peer is given: the generic text of the table, or `message` where it was said to be fit for that. */
  readonly peerText: string;
  /** When to try again, where that is known, ms from now: `Retry-After` of an HTTP answer. */
  readonly retryAfterMs: number | undefined;

  /**
   * `cause`, when given, is kept for `--log-level debug`; with `tellPeer` a peer is given `message` (at most 123 bytes);
   * `lasting` is {@linkcode RelayError.lasting} (default false), `retryAfterMs` {@linkcode RelayError.retryAfterMs}.
   */
  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].text,
    options: ErrorOptions & { tellPeer?: boolean; lasting?: boolean; retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.lasting = options.lasting ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.peerText = options.tellPeer ? message : ERRORS[code].text;
  }

  /** Its row of the table. */
  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

/** The error whose close code a peer sent, or `undefined` where the table does not have it. */
export function errorOfClose(closeCode: number): ErrorCode | undefined {
  return CODE_OF_CLOSE.get(closeCode);
}

const CODE_OF_CLOSE = new Map<number, ErrorCode>([
  [1001, "draining"],
  [1002, "bad_frame"],
  [1003, "bad_data"],
  [1007, "bad_text"],
  [1009, "too_big"],
  [1011, "internal"],
  [4000, "bad_path"],
  [4001, "producer_exists"],
  [4002, "protocol"],
  [4003, "unauthorized"],
  [4008, "too_slow"],
  [4009, "fenced"],
  [4010, "limit"],
  [4012, "expired"],
]);
