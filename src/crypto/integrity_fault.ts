/**
 * Proof that a stream is not what its producer sent.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** The error `integrity`, with what gave it away; `why` has nothing of the content in it. */
export function integrityFault(why: string): RelayError {
  return new RelayError("integrity", `Cannot trust the stream: ${why}.`);
}
