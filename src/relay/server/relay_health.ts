/**
 * What a relay says of itself to anybody.
 *
 * @module
 */

import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";

/** Where it is told, by HTTP and by WebSocket; also while the relay shuts down. */
export const HEALTH_PATH = "/health";

/** What {@linkcode healthOf} looks at. */
export interface HealthSource {
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** Number of open connections. */
  readonly connections: () => number;
  /** Whether the relay is shutting down. */
  readonly stopping: () => boolean;
  readonly version: string;
}

/** The body of `/health`; the first three fields are those of the Python relay. */
export interface RelayHealth {
  /** `healthy`, or `draining` once it shuts down. */
  readonly status: "healthy" | "draining";
  /** Channels, ended ones that are still readable included. */
  readonly active_channels: number;
  readonly timestamp: string;
  /** It answers: always true. */
  readonly live: true;
  /** Whether it lets clients in. */
  readonly ready: boolean;
  readonly version: string;
  readonly uptime_seconds: number;
  readonly connections: number;
  /** Bytes held in the logs of all channels. */
  readonly memory_bytes: number;
  /** Their bound, `--max-memory`; at it the oldest is forgotten. */
  readonly memory_limit_bytes: number;
}

/** How a relay is. */
export function healthOf(source: HealthSource): RelayHealth {
  const { channels, limits, connections, stopping, version } = source;
  const ready = !stopping();
  return {
    status: ready ? "healthy" : "draining",
    active_channels: channels.size,
    timestamp: new Date().toISOString(),
    live: true,
    ready,
    version,
    uptime_seconds: Math.floor(performance.now() / 1000),
    connections: connections(),
    memory_bytes: channels.bytes,
    memory_limit_bytes: limits.maxMemory,
  };
}
