/**
 * Where a reader wants to begin.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelLog } from "../log/channel_log.ts";
import type { Position } from "../protocol/position.ts";

/** Where a reader wants to begin. */
export interface Wish {
  /** The message it wants next, or `live` for what is still to come (default: the oldest message retained). */
  readonly position?: Position | "live";
  /** Whether it goes on with another run than that of its position, or after the one it reads (default false). */
  readonly restart?: boolean;
}

/** A run that is there to be read. */
export interface Offer {
  readonly log: ChannelLog;
  /** Messages of it that exist, here or with its producer. */
  readonly extent: number;
  /** Whether the reader was here before the run. */
  readonly waited: boolean;
}

/** Where a wish leads. */
export interface Place {
  /** The message to begin at. */
  readonly from: number;
  /** Whether it is one of another run than was asked for. */
  readonly restart: boolean;
}

/**
 * Where a reader with this wish begins, or why it cannot: `fenced` where another run has begun, `protocol` for a position beyond
 * the run. What a producer made before its connection stood is live for a reader who was here first.
 *
 * @example
 * ```ts
 * import { MemoryLog } from "../log/memory_log.ts";
 * import { fulfil } from "./wish.ts";
 * import assert from "node:assert/strict";
 *
 * const offer = { log: new MemoryLog("run-2"), extent: 7, waited: false };
 * assert.deepEqual(fulfil({ position: "live" }, offer), { from: 7, restart: false });
 * const old = { position: { epoch: "run-1", seq: 3 }, restart: true };
 * assert.deepEqual(fulfil(old, offer), { from: 0, restart: true });
 * ```
 */
export function fulfil(wish: Wish, { log, extent, waited }: Offer): Place | RelayError {
  const { position, restart } = wish;
  if (position === undefined) return { from: 0, restart: false };
  if (position === "live") return { from: waited ? log.first : extent, restart: false };
  if (position.epoch !== log.epoch) {
    if (restart) return { from: 0, restart: true };
    return refusal("fenced", "that run is over: another one has begun");
  }
  if (position.seq <= extent) return { from: position.seq, restart: false };
  return refusal("protocol", `position is beyond the ${extent} messages of the run`);
}

function refusal(code: "fenced" | "protocol", why: string): RelayError {
  return new RelayError(code, why, { tellPeer: true });
}
