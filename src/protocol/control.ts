/**
 * Control messages of the resumable protocol: one JSON object in a text frame (`docs/protocol.md`, version 2).
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isHolder } from "./holder.ts";
import { isEpoch, isPlainEpoch } from "./position.ts";

/** The WebSocket subprotocol by which both sides agree on it. */
export const SUBPROTOCOL = "streamrelay.v2";

/** Largest control message a client may send, bytes. */
export const MAX_CONTROL_MESSAGE_BYTES = 8 * 1024;

/** How a producer says its run ended. */
export type RunStatus = "done" | "error" | "cancelled";

/** How a run ended, as readers are told: a run that its producer did not end has a status the relay gave it. */
export type EndStatus = RunStatus | "closed" | "lost" | "expired";

/** What else is known of an ending. */
export interface EndDetails {
  /** Exit code of the producer's command, 0 to 255. */
  readonly exit_code?: number;
  /** Signal that ended it, e.g. `SIGTERM`. */
  readonly signal?: string;
}

/**
 * What a producer says of itself to the relay's operator, e.g. `{ job: "4711" }`: names of 1 to 64 characters of
 * `A-Z a-z 0-9 . _ -`, text without control characters, at most {@linkcode MAX_META_BYTES} of JSON. It is never encrypted.
 */
export type Meta = { readonly [name: string]: string };

/** Largest {@linkcode Meta}, bytes of its compact JSON in UTF-8. */
export const MAX_META_BYTES = 1024;

/** A producer introduces itself. */
export interface ProduceHello {
  readonly type: "hello";
  readonly role: "produce";
  readonly epoch: string;
  /** The oldest message it can still send. */
  readonly first: number;
  /** The message after the newest one it has made. */
  readonly next: number;
  readonly meta?: Meta;
  /** Whether it was connected to a relay before: readers may have begun there. */
  readonly resumed?: boolean;
  readonly credential?: string;
  /** Nonce of who uses a token, see `holder.ts`. */
  readonly holder?: string;
}

/** A consumer introduces itself, or who is only there to `cancel`: it is told everything but messages and gaps. */
export interface ConsumeHello {
  readonly type: "hello";
  readonly role: "consume" | "cancel";
  /** `live`, or `<epoch>:<seq>`; absent: the oldest message retained. */
  readonly position?: string;
  /** Whether another run than that of the position, or than the one being read, is wanted too. */
  readonly restart?: boolean;
  readonly credential?: string;
  /** As {@linkcode ProduceHello.holder}. */
  readonly holder?: string;
}

/** A producer's run is complete. */
export interface RunEnd extends EndDetails {
  readonly type: "end";
  /** Number of messages. */
  readonly next: number;
  readonly status: RunStatus;
}

/** Asks the producer to stop: from a consumer to the relay, from the relay to the producer. */
export interface Cancel {
  readonly type: "cancel";
  readonly reason?: string;
}

/** Whatever a client sends as text. */
export type ClientControl = ProduceHello | ConsumeHello | RunEnd | Cancel;

/** Whether a producer is there, as consumers are told. */
export type ChannelState = "waiting" | "live" | "away" | "ended";

/** Whatever a relay sends to a producer as text. */
export type ToProducer =
  | { type: "welcome"; epoch: string; next: number; window: number }
  | { type: "ack"; next: number; end?: true }
  | { type: "cancel"; reason?: string };

/** Whatever a relay sends to a consumer as text. */
export type ToConsumer =
  | { type: "welcome"; state: ChannelState }
  | { type: "begin" | "restart"; epoch: string; from: number; next: number }
  | { type: "gap"; from: number; to: number }
  | { type: "producer"; state: "live" | "away" }
  | { type: "cancelling"; reached: boolean; reason?: string }
  | { type: "end"; next: number; status: EndStatus } & EndDetails;

const RUN_STATUS: ReadonlySet<unknown> = new Set<RunStatus>(["done", "error", "cancelled"]);
const END_STATUS: ReadonlySet<unknown> = new Set<EndStatus>([
  "done",
  "error",
  "cancelled",
  "closed",
  "lost",
  "expired",
]);
const STATES: ReadonlySet<unknown> = new Set<ChannelState>(["waiting", "live", "away", "ended"]);
/** Names of signals go into log lines and to terminals. */
const SIGNAL = /^SIG[A-Z0-9]{1,10}$/;
const MAX_REASON = 200;

/** The fields of a parsed control message, not yet judged. */
type Fields = { readonly [name: string]: unknown };

/**
 * Reads what a client sent as text. Fields that are not known are ignored.
 *
 * @throws {RelayError} `protocol`, fit for the peer: it names the field that is wrong.
 *
 * @example
 * ```ts
 * import { parseClientControl } from "./control.ts";
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

/** Reads what a relay sent to a producer. Throws like {@linkcode parseClientControl}. */
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

/** Reads what a relay sent to a consumer. Throws like {@linkcode parseClientControl}. */
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

/**
 * `value` as {@linkcode Meta}. Its text goes into log lines and pages, hence no control characters.
 *
 * @throws {RelayError} `protocol`, fit for the peer, where it is none, or too large.
 *
 * @example
 * ```ts
 * import { checkedMeta } from "./control.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(checkedMeta({ job: "4711" }), { job: "4711" });
 * assert.throws(() => checkedMeta({ job: 4711 }), { code: "protocol" });
 * ```
 */
export function checkedMeta(value: unknown): Meta {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("meta is no object");
  }
  const entries = Object.entries(value);
  for (const [name, text] of entries) {
    if (!META_NAME.test(name)) throw fault("meta: a name is not 1 to 64 of A-Z a-z 0-9 . _ -");
    if (typeof text !== "string") throw fault("meta: a value is no text");
    if (UNPRINTABLE.test(text)) throw fault("meta: a value has control characters");
  }
  const size = new TextEncoder().encode(JSON.stringify(value)).length;
  if (size > MAX_META_BYTES) throw fault(`meta is larger than ${MAX_META_BYTES} bytes`);
  return Object.fromEntries(entries);
}

const META_NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** Control, format and line separators, and half surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

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

function parseFields(text: string): Fields {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("control message is not JSON");
  }
  if (typeof value !== "object" || value === null) throw fault("control message is no object");
  return value;
}

function seq(fields: Fields, name: string): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && value as number >= 0) return value as number;
  throw fault(`${fields.type}: ${name} is no whole number from 0 on`);
}

function epoch({ type, epoch }: Fields): string {
  if (typeof epoch === "string" && isEpoch(epoch)) return epoch;
  throw fault(`${type}: epoch is not 1 to 64 characters of A-Z a-z 0-9 _ -`);
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

function endDetails({ exit_code, signal }: Fields): EndDetails {
  const details: { exit_code?: number; signal?: string } = {};
  if (Number.isInteger(exit_code) && exit_code as number >= 0 && exit_code as number <= 255) {
    details.exit_code = exit_code as number;
  }
  if (typeof signal === "string" && SIGNAL.test(signal)) details.signal = signal;
  return details;
}

/** Reasons end up on terminals: printable characters only, and not too many. */
function reason({ reason }: Fields): string | undefined {
  if (typeof reason !== "string") return undefined;
  const printable = reason.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "");
  return [...printable].slice(0, MAX_REASON).join("");
}

function fault(what: string): RelayError {
  return new RelayError("protocol", what, { tellPeer: true });
}
