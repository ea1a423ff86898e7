/**
 * What a relay of the bench's own must be able to keep.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { DEFAULT_LIMITS, type RelayLimits } from "../relay/limits.ts";
import { AROUND } from "./message_lines.ts";
import type { LoadSettings } from "./result.ts";
import { bytes, count } from "./summary/figures.ts";

/** The bounds of a relay that are raised for a load. */
export type RelayRoom = Pick<RelayLimits, "maxBuffer" | "maxBufferBytes" | "maxMemory">;

/** The numbers of what a relay lets in that are raised for a load. */
export type RelayDoors = Pick<
  RelayLimits,
  "maxChannels" | "maxConsumers" | "maxConnectionsPerAddress"
>;

/** Channels and connections besides the load's own: those of what looks whether the relay is there. */
const OTHERS = 16;

/**
 * What a relay must let in for a load, or its defaults where they are enough: a limit of a relay of the bench's own would
 * be a limit of the bench.
 *
 * @example
 * ```ts
 * import { doorsFor } from "./relay_room.ts";
 * import { LOAD_SETTINGS } from "../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * assert.ok(doorsFor({ ...LOAD_SETTINGS, consumers: 1200, slow: 1 }).maxConsumers >= 1201);
 * ```
 */
export function doorsFor({ channels, consumers, slow }: LoadSettings): RelayDoors {
  const { maxChannels, maxConsumers, maxConnectionsPerAddress } = DEFAULT_LIMITS;
  const readers = consumers + slow;
  return {
    maxChannels: Math.max(maxChannels, channels + OTHERS),
    maxConsumers: Math.max(maxConsumers, readers),
    maxConnectionsPerAddress: Math.max(
      maxConnectionsPerAddress,
      channels * (1 + readers) + OTHERS,
    ),
  };
}

/**
 * Checks that a message is none that a relay refuses: our `own` one, or, as that of others is not known, any that the bench
 * itself can read.
 *
 * @throws {RelayError} `usage` where it is too large.
 */
export function checkSize({ size, encrypted }: LoadSettings, own: boolean): void {
  const limit = own ? DEFAULT_LIMITS.maxMessageBytes : LARGEST_BYTES;
  // encrypted, it is base64 in an envelope
  const around = encrypted ? ENVELOPE_BYTES : AROUND;
  const largest = Math.floor((limit - around) / (encrypted ? 4 / 3 : 1));
  if (size <= largest) return;
  const whose = own ? "a relay takes messages of at most" : "the bench reads messages of at most";
  throw new RelayError(
    "usage",
    `A --size of ${bytes(size)} is too large: ${whose} ${
      bytes(limit)
    }, so at most ${largest} bytes of content`,
  );
}

/** Of a message, what a socket of the bench takes. */
const LARGEST_BYTES = 64 * 1024 * 1024;
/** At most, around what is encrypted, and of the message around the content, before it is encrypted. */
const ENVELOPE_BYTES = 1024;

/** Bytes in front of a message in the log, at most. */
const HEADER_BYTES = 10;
/** Messages besides the load's own: `done`, and one more in a round that has begun. */
const OTHER_MESSAGES = 2;
/** A log's blocks are not filled to their ends; what is larger than this fills them half at worst. */
const LARGE_BYTES = 64 * 1024;
const UNFILLED = { usual: 1.5, large: 2 };
/** Of the memory that is free, the part that logs may be meant to take. */
const FREE_PART = 0.8;

/**
 * The bounds that a relay needs whose consumers come when all was sent, or its defaults where they are enough;
 * `undefined` where nobody comes late. `warmUpMs` is sent, and kept, too.
 *
 * @example
 * ```ts
 * import { roomFor } from "./relay_room.ts";
 * import { LOAD_SETTINGS } from "../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * const settings = { ...LOAD_SETTINGS, rate: 50_000, late: true };
 * assert.ok(roomFor(settings, 0)!.maxBuffer > 500_000);
 * assert.equal(roomFor({ ...settings, late: false }, 0), undefined);
 * ```
 */
export function roomFor(settings: LoadSettings, warmUpMs: number): RelayRoom | undefined {
  const { channels, rate, size, durationMs, late } = settings;
  if (!late) return undefined;
  const messages = Math.ceil(rate * (warmUpMs + durationMs) / 1000) + OTHER_MESSAGES;
  const record = size + AROUND + HEADER_BYTES;
  const unfilled = record > LARGE_BYTES ? UNFILLED.large : UNFILLED.usual;
  const log = Math.ceil(messages * record * unfilled);
  const { maxBuffer, maxBufferBytes, maxMemory } = DEFAULT_LIMITS;
  return {
    maxBuffer: Math.max(maxBuffer, messages),
    maxBufferBytes: Math.max(maxBufferBytes, log),
    maxMemory: Math.max(maxMemory, channels * log),
  };
}

/**
 * Checks that a machine with so many `free` bytes has the memory that this room may take.
 *
 * @throws {RelayError} `usage` where it has not.
 */
export function checkRoom({ maxMemory }: RelayRoom, free: number): void {
  if (maxMemory <= Math.max(DEFAULT_LIMITS.maxMemory, FREE_PART * free)) return;
  throw new RelayError(
    "usage",
    `A relay that keeps this load until --late consumers come may take ${bytes(maxMemory)}, and ` +
      `${bytes(free)} are free here: lower --rate, --size, --duration or --channels`,
  );
}

/** What a result says of a relay with other bounds than usual, in a sentence; none of one that has them. */
export function roomNotes({ maxBuffer, maxBufferBytes, maxMemory }: RelayRoom): string[] {
  const raised = [
    maxBuffer > DEFAULT_LIMITS.maxBuffer ? [`--max-buffer ${count(maxBuffer)}`] : [],
    maxBufferBytes > DEFAULT_LIMITS.maxBufferBytes
      ? [`--max-buffer-bytes ${bytes(maxBufferBytes)}`]
      : [],
    maxMemory > DEFAULT_LIMITS.maxMemory ? [`--max-memory ${bytes(maxMemory)}`] : [],
  ].flat();
  if (raised.length === 0) return [];
  return [`the bench's own relay was given room for the whole log: ${raised.join(", ")}`];
}
