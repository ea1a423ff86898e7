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

/**
 * Whether another attempt may succeed where nobody changes anything. Once a connection `stood`, the address is right, and
 * even an answer like 404 is that of a proxy whose relay is away.
 */
export function isTransient(error: unknown, { stood = false } = {}): error is RelayError {
  return error instanceof RelayError && (stood || !error.lasting) && TRANSIENT.has(error.code);
}
