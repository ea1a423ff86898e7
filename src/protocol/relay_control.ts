/**
 * What relays say, as clients read it.
 *
 * @module
 */

import type { ChannelState, EndStatus, ToConsumer, ToProducer } from "./control.ts";
import { endDetails, epoch, parseFields, reason, seq } from "./control_fields.ts";
import { fault } from "./fault.ts";

const END_STATUS: ReadonlySet<unknown> = new Set<EndStatus>([
  "done",
  "error",
  "cancelled",
  "closed",
  "lost",
  "expired",
]);
const STATES: ReadonlySet<unknown> = new Set<ChannelState>(["waiting", "live", "away", "ended"]);

/**
 * Reads what a relay sent to a producer. Fields that are not known are ignored.
 *
 * @throws {RelayError} `protocol`, which names the field that is wrong.
 *
 * @example
 * ```ts
 * import { parseToProducer } from "./relay_control.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseToProducer('{"type":"ack","next":7,"more":1}'), { type: "ack", next: 7 });
 * assert.throws(() => parseToProducer('{"type":"ack","next":-1}'), { code: "protocol" });
 * ```
 */
export function parseToProducer(text: string): ToProducer {
  const fields = parseFields(text);
  switch (fields.type) {
    case "welcome":
      return {
        type: "welcome",
        epoch: epoch(fields),
        next: seq(fields, "next"),
        window: seq(fields, "window"),
      };
    case "ack":
      return { type: "ack", next: seq(fields, "next"), ...(fields.end === true && { end: true }) };
    case "cancel":
      return { type: "cancel", reason: reason(fields) };
    default:
      throw fault("unknown type of control message");
  }
}

/** Reads what a relay sent to a consumer. Throws like {@linkcode parseToProducer}. */
export function parseToConsumer(text: string): ToConsumer {
  const fields = parseFields(text);
  const { type, state, status } = fields;
  switch (type) {
    case "welcome":
      if (!STATES.has(state)) throw fault("welcome: no such state");
      return { type, state: state as ChannelState };
    case "begin":
    case "restart":
      return { type, epoch: epoch(fields), from: seq(fields, "from"), next: seq(fields, "next") };
    case "gap":
      return { type, from: seq(fields, "from"), to: seq(fields, "to") };
    case "producer":
      return { type, state: state === "live" ? "live" : "away" };
    case "cancelling":
      return { type, reached: fields.reached === true, reason: reason(fields) };
    case "end":
      if (!END_STATUS.has(status)) throw fault("end: no such status");
      return {
        ...endDetails(fields),
        type,
        next: seq(fields, "next"),
        status: status as EndStatus,
      };
  }
  throw fault("unknown type of control message");
}
