/**
 * Which failures may pass.
 *
 * @module
 */

import { type ErrorCode, RelayError } from "../errors.ts";

const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unreachable",
  "draining",
  "producer_exists",
  "limit",
  "too_slow",
  "internal",
]);

/** Whether another attempt may succeed where nobody changes anything. */
export function isTransient(error: unknown): error is RelayError {
  return error instanceof RelayError && !error.lasting && TRANSIENT.has(error.code);
}
