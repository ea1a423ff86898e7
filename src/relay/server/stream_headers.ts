/**
 * How a channel stands, as headers.
 *
 * @module
 */

import type { Channel } from "../channel.ts";
import { bytesTaken } from "./http_run.ts";

/** What an answer says of a channel; one that is not there yet is waited for like one without a producer. */
export function channelHeaders(channel: Channel | undefined): Record<string, string> {
  const log = channel?.log;
  if (channel === undefined || log === undefined) return { "Stream-State": "waiting" };
  const bytes = bytesTaken(log);
  return {
    "Stream-State": channel.state,
    ...(log.end !== undefined && { "Stream-Status": log.end.status }),
    "Stream-Epoch": log.epoch,
    "Stream-First": String(log.first),
    "Stream-Next": String(log.next),
    ...(bytes > 0 && { "Stream-Bytes": String(bytes) }),
  };
}
