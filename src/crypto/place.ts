/**
 * The place of a message in its stream, as sealed messages carry it.
 *
 * @module
 */

import { integrityFault } from "./integrity_fault.ts";

/** The fields that `StreamSealer` adds to a message: channel, epoch of the run, number in the run. */
export interface Place {
  readonly ch: string;
  readonly ep: string;
  readonly n: number;
}

/** The names of these fields, and that of the padding: no message that is sealed may use them itself. */
export const RESERVED = ["ch", "ep", "n", "p"] as const;

/**
 * The place that `message` has; `undefined` where it has none. A `p`, the padding, is no place alone but the message's own.
 *
 * @throws {RelayError} `integrity` where it is incomplete or malformed.
 */
export function placeOf({ ch, ep, n, p }: Record<string, unknown>): Place | undefined {
  if (ch === undefined && ep === undefined && n === undefined) return undefined;
  const padded = p === undefined || typeof p === "string";
  if (typeof ch !== "string" || typeof ep !== "string" || !isMessageNumber(n) || !padded) {
    throw integrityFault("the place that a message has in the stream is incomplete or malformed");
  }
  return { ch, ep, n };
}

/** The message as it was before it was given a place. */
export function withoutPlace(message: Record<string, unknown>): Record<string, unknown> {
  const { ch: _ch, ep: _ep, n: _n, p: _p, ...rest } = message;
  return rest;
}

/** Whether `n` can be the number of a message. */
export function isMessageNumber(n: unknown): n is number {
  return Number.isSafeInteger(n) && Number(n) >= 0;
}
