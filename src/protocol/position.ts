/**
 * Epochs and positions: which run of a producer, and which message of it.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** A place in a channel: the message that is wanted next. */
export interface Position {
  /** The run. */
  readonly epoch: string;
  /** The message of it, from 0. */
  readonly seq: number;
}

const EPOCH = /^[A-Za-z0-9_-]{1,64}$/;
const POSITION = /^([A-Za-z0-9_-]{1,64}):(0|[1-9]\d{0,15})$/;
/** Base36 digits of a time in ms: enough until the year 5188. */
const TIME_DIGITS = 9;
const RANDOM_BYTES = 9;
/** The beginning of epochs that relays make. */
const PLAIN = "v1-";

/** Whether `text` may name a run. */
export function isEpoch(text: string): boolean {
  return EPOCH.test(text);
}

/**
 * A fresh epoch: the time it begins, in ms, and 72 random bits. Epochs of one channel sort by their starts, so a reader
 * notices a relay that passes an old run off as a new one.
 */
export function newEpoch(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `${now.toString(36).padStart(TIME_DIGITS, "0")}-${
    random.toBase64({ alphabet: "base64url" })
  }`;
}

/**
 * A fresh epoch for a run of a plain producer, which has none of its own. It can be told from those that producers give
 * themselves: what is sealed cannot prove it.
 */
export function newPlainEpoch(): string {
  return `${PLAIN}${newEpoch()}`;
}

/** Whether a relay made `epoch` for a plain producer. */
export function isPlainEpoch(epoch: string): boolean {
  return epoch.startsWith(PLAIN);
}

/** `<epoch>:<seq>`. */
export function formatPosition({ epoch, seq }: Position): string {
  return `${epoch}:${seq}`;
}

/**
 * Reads `<epoch>:<seq>`.
 *
 * @throws {RelayError} `protocol` for anything else.
 *
 * @example
 * ```ts
 * import { formatPosition, parsePosition } from "./position.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parsePosition("run-1:42"), { epoch: "run-1", seq: 42 });
 * assert.equal(formatPosition({ epoch: "run-1", seq: 42 }), "run-1:42");
 * ```
 */
export function parsePosition(text: string): Position {
  const match = POSITION.exec(text);
  const seq = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(seq)) {
    throw new RelayError("protocol", "position is not <epoch>:<seq>", { tellPeer: true });
  }
  return { epoch: match[1], seq };
}
