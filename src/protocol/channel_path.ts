/**
 * The paths of the WebSocket surface.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isChannelId } from "./channel_id.ts";

/** What a client is to a channel. */
export type Role = "produce" | "consume";

/** A role on a channel. */
export interface ChannelPath {
  readonly role: Role;
  readonly channel: string;
}

/**
 * Reads `/produce/{channel}` or `/consume/{channel}`; a trailing slash is allowed, as the Python relay does.
 *
 * @throws {RelayError} `bad_path` for any other path, `bad_channel` for an id that {@linkcode isChannelId} refuses.
 *
 * @example
 * ```ts
 * import { parseChannelPath } from "./channel_path.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseChannelPath("/consume/job-7"), { role: "consume", channel: "job-7" });
 * ```
 */
export function parseChannelPath(pathname: string): ChannelPath {
  const match = /^\/(produce|consume)\/([^/]+)\/?$/.exec(pathname);
  if (match === null) throw new RelayError("bad_path");
  if (!isChannelId(match[2])) throw new RelayError("bad_channel");
  return { role: match[1] as Role, channel: match[2] };
}
