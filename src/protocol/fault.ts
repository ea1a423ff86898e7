/**
 * A peer that does not speak the protocol.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** What is wrong with a message: `protocol`, in words fit for the peer. They name fields, and never what is in them. */
export function fault(what: string): RelayError {
  return new RelayError("protocol", what, { tellPeer: true });
}
