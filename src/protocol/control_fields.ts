/**
 * The fields that control messages of both directions have in common.
 *
 * @module
 */

import { fault } from "./fault.ts";
import type { EndDetails } from "./control.ts";
import { isEpoch } from "./position.ts";

/** The fields of a parsed control message, not yet judged. */
export type Fields = { readonly [name: string]: unknown };

/** Names of signals go into log lines and to terminals. */
const SIGNAL = /^SIG[A-Z0-9]{1,10}$/;
const MAX_REASON = 200;

/** The fields of the message `text`. Throws {@linkcode fault} where it is no JSON object. */
export function parseFields(text: string): Fields {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("control message is not JSON");
  }
  if (typeof value !== "object" || value === null) throw fault("control message is no object");
  return value;
}

/** Field `name` as the number of a message, or as a size. Throws {@linkcode fault}. */
export function seq(fields: Fields, name: string): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && value as number >= 0) return value as number;
  throw fault(`${fields.type}: ${name} is no whole number from 0 on`);
}

/** The field `epoch`. Throws {@linkcode fault}. */
export function epoch({ type, epoch }: Fields): string {
  if (typeof epoch === "string" && isEpoch(epoch)) return epoch;
  throw fault(`${type}: epoch is not 1 to 64 characters of A-Z a-z 0-9 _ -`);
}

/** What is known of an ending; what makes no sense is left out. */
export function endDetails({ exit_code, signal }: Fields): EndDetails {
  const details: { exit_code?: number; signal?: string } = {};
  if (Number.isInteger(exit_code) && exit_code as number >= 0 && exit_code as number <= 255) {
    details.exit_code = exit_code as number;
  }
  if (typeof signal === "string" && SIGNAL.test(signal)) details.signal = signal;
  return details;
}

/** Reasons end up on terminals: printable characters only, and not too many. */
export function reason({ reason }: Fields): string | undefined {
  if (typeof reason !== "string") return undefined;
  const printable = reason.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "");
  return [...printable].slice(0, MAX_REASON).join("");
}
