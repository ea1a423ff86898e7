/**
 * Control messages on their way out of and into the relay.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import type { ClientControl, ToConsumer, ToProducer } from "../../protocol/control.ts";
import { parseClientControl } from "../../protocol/client_control.ts";
import { MAX_CONTROL_MESSAGE_BYTES } from "../../protocol/control.ts";
import { encodeRecord, payloads } from "../../protocol/record.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A control message as a frame. */
export function controlText(message: ToProducer | ToConsumer): Uint8Array {
  return encodeRecord(encoder.encode(JSON.stringify(message)));
}

/**
 * The control messages in a run of records.
 *
 * @throws {RelayError} `protocol` at the first that is none.
 */
export function* controlsIn(records: Uint8Array): Generator<ClientControl> {
  for (const payload of payloads(records)) {
    if (payload.length > MAX_CONTROL_MESSAGE_BYTES) {
      throw new RelayError("protocol", "control message is too long", { tellPeer: true });
    }
    yield parseClientControl(decoder.decode(payload));
  }
}
