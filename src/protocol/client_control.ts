/**
 * What clients say, as the relay reads it.
 *
 * @module
 */

import {
  type ClientControl,
  type ConsumeHello,
  MAX_CONTROL_MESSAGE_BYTES,
  type ProduceHello,
  type RunStatus,
} from "./control.ts";
import { endDetails, epoch, type Fields, parseFields, reason, seq } from "./control_fields.ts";
import { fault } from "./fault.ts";
import { isHolder } from "./holder.ts";
import { checkedMeta } from "./meta.ts";
import { isPlainEpoch } from "./position.ts";

const RUN_STATUS: ReadonlySet<unknown> = new Set<RunStatus>(["done", "error", "cancelled"]);

/**
 * Reads what a client sent as text. Fields that are not known are ignored.
 *
 * @throws {RelayError} `protocol`, fit for the peer: it names the field that is wrong.
 *
 * @example
 * ```ts
 * import { parseClientControl } from "./client_control.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(parseClientControl('{"type":"cancel"}').type, "cancel");
 * assert.throws(() => parseClientControl('{"type":"dance"}'), { code: "protocol" });
 * ```
 */
export function parseClientControl(text: string): ClientControl {
  if (text.length > MAX_CONTROL_MESSAGE_BYTES) throw fault("control message is too long");
  const fields = parseFields(text);
  switch (fields.type) {
    case "hello":
      return fields.role === "produce" ? produceHello(fields) : consumeHello(fields);
    case "end":
      return {
        ...endDetails(fields),
        type: "end",
        next: seq(fields, "next"),
        status: runStatus(fields),
      };
    case "cancel":
      return { type: "cancel", reason: reason(fields) };
    default:
      throw fault("unknown type of control message");
  }
}

function produceHello(fields: Fields): ProduceHello {
  const first = seq(fields, "first");
  const next = seq(fields, "next");
  if (first > next) throw fault("hello: first is beyond next");
  const ownEpoch = epoch(fields);
  if (isPlainEpoch(ownEpoch)) throw fault("hello: this epoch is a relay's, of a plain producer");
  return {
    type: "hello",
    role: "produce",
    epoch: ownEpoch,
    first,
    next,
    ...(fields.meta !== undefined && { meta: checkedMeta(fields.meta) }),
    ...(fields.resumed === true && { resumed: true }),
    credential: credential(fields),
    ...holder(fields),
  };
}

function consumeHello(fields: Fields): ConsumeHello {
  const { role, position, restart } = fields;
  if (role !== "consume" && role !== "cancel") {
    throw fault("hello: role is not produce, consume or cancel");
  }
  if (position !== undefined && typeof position !== "string") {
    throw fault("hello: position is no text");
  }
  return {
    type: "hello",
    role,
    position,
    restart: restart === true,
    credential: credential(fields),
    ...holder(fields),
  };
}

function credential({ credential }: Fields): string | undefined {
  if (credential === undefined || typeof credential === "string") return credential;
  throw fault("hello: credential is no text");
}

function holder({ holder }: Fields): { holder?: string } {
  if (holder === undefined) return {};
  if (typeof holder === "string" && isHolder(holder)) return { holder };
  throw fault("hello: holder is not 16 to 64 characters of A-Z a-z 0-9 _ -");
}

function runStatus({ status }: Fields): RunStatus {
  if (RUN_STATUS.has(status)) return status as RunStatus;
  throw fault("end: status is not done, error or cancelled");
}
