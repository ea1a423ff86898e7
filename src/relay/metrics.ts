/**
 * What Prometheus is told.
 *
 * @module
 */

import { memoryUsage } from "node:process";
import type { Counter, Histogram } from "prom-client";
import type { ErrorCode } from "../errors.ts";
import type { LogEnd } from "../log/channel_log.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Channels } from "./channels.ts";
import type { RelayLimits } from "./limits.ts";
import type { Observer } from "./meter.ts";
import { MetricRegistry } from "./metric_registry.ts";

/** Options of {@linkcode Metrics}. */
export interface MetricsOptions {
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** Number of open connections. */
  readonly connections: () => number;
  readonly version: string;
}

/** Buckets of the time from a channel's making to its first message, s: a queue of a batch system may be in it. */
const FIRST_MESSAGE_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
/** Buckets of the time in the relay, s: usually some 20 µs, and a reader that is slow makes seconds of it. */
const RELAY_BUCKETS = [
  0.00001,
  0.000025,
  0.00005,
  0.0001,
  0.00025,
  0.001,
  0.005,
  0.025,
  0.1,
  1,
  10,
];

const STATES: readonly ChannelState[] = ["waiting", "live", "away", "ended"];

/**
 * The relay's numbers, gathered when they are asked for: messages cost nothing here. Labels are states, endings, reasons
 * and directions, of which there are few; no channel, address or name is among them, so that neither the number of series
 * grows nor anything is told that the numbers themselves do not tell.
 *
 * @example
 * ```ts
 * import { Channels } from "./channels.ts";
 * import { DEFAULT_LIMITS as limits } from "./limits.ts";
 * import { Metrics } from "./metrics.ts";
 * import assert from "node:assert/strict";
 *
 * const channels = new Channels(limits, 0);
 * const metrics = new Metrics({ channels, limits, connections: () => 2, version: "1.0.0" });
 * assert.match(await metrics.text(), /^streamrelay_connections 2$/m);
 * ```
 */
export class Metrics implements Observer {
  /** `Content-Type` of {@linkcode text}. */
  readonly contentType: string;
  readonly #registry = new MetricRegistry();
  readonly #firstMessage: Histogram;
  readonly #relayed: Histogram;
  readonly #ended: Counter;
  readonly #refused: Counter;

  /** From now on it observes `channels`. */
  constructor(options: MetricsOptions) {
    const registry = this.#registry;
    this.contentType = registry.contentType;
    this.#watchChannels(options);
    this.#watchTraffic(options.channels);
    this.#watchProcess(options);
    this.#firstMessage = registry.histogram("streamrelay_first_message_seconds", {
      help: "Time from the making of a channel, by whichever side came first, to its first message",
      buckets: FIRST_MESSAGE_BUCKETS,
    });
    this.#relayed = registry.histogram("streamrelay_relay_seconds", {
      help:
        "Time from the append of a batch to its first write to a consumer; a sample a second and channel",
      buckets: RELAY_BUCKETS,
    });
    this.#ended = registry.counter("streamrelay_streams_ended_total", {
      help: "Ended streams",
      label: "status",
    });
    this.#refused = registry.counter("streamrelay_refusals_total", {
      help: "Clients turned away",
      label: "reason",
    });
    options.channels.meter.observer = this;
  }

  /** All of it in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.text();
  }

  firstMessage(ms: number): void {
    this.#firstMessage.observe(ms / 1000);
  }

  relayed(ms: number): void {
    this.#relayed.observe(ms / 1000);
  }

  ended(status: LogEnd["status"]): void {
    this.#ended.inc({ status });
  }

  refused(reason: ErrorCode): void {
    this.#refused.inc({ reason });
  }

  #watchChannels({ channels, limits }: MetricsOptions): void {
    const registry = this.#registry;
    registry.gauge("streamrelay_channels", {
      help: "Channels",
      labels: ["state"],
      collect(gauge) {
        const counts = countStates(channels);
        for (const state of STATES) gauge.set({ state }, counts[state]);
      },
    });
    registry.gauge("streamrelay_consumers", {
      help: "Consumers",
      collect: (gauge) => gauge.set(lags(channels).consumers),
    });
    registry.gauge("streamrelay_consumer_lag_messages", {
      help:
        "Messages that consumers have still to be sent: the most of one consumer, and of all together",
      labels: ["of"],
      collect(gauge) {
        const { most, sum } = lags(channels);
        gauge.set({ of: "slowest" }, most);
        gauge.set({ of: "all" }, sum);
      },
    });
    registry.gauge("streamrelay_retained_bytes", {
      help: "Bytes held in the logs of all channels",
      collect: (gauge) => gauge.set(channels.bytes),
    });
    registry.gauge("streamrelay_retained_bytes_limit", {
      help: "Their bound, --max-memory",
      collect: (gauge) => gauge.set(limits.maxMemory),
    });
  }

  #watchTraffic({ meter }: Channels): void {
    const registry = this.#registry;
    registry.sums("streamrelay_messages_total", {
      help: "Messages from producers and to consumers",
      values: () => ({ in: meter.messagesIn, out: meter.messagesOut }),
    });
    registry.sums("streamrelay_bytes_total", {
      help: "Bytes of those messages",
      values: () => ({ in: meter.bytesIn, out: meter.bytesOut }),
    });
    registry.sum("streamrelay_gaps_total", {
      help: "Times a consumer was told of messages missing",
      value: () => meter.gaps,
    });
    registry.sum("streamrelay_gap_messages_total", {
      help: "Messages that were missing",
      value: () => meter.missed,
    });
  }

  #watchProcess({ connections, version }: MetricsOptions): void {
    const registry = this.#registry;
    const startedAt = (Date.now() - performance.now()) / 1000;
    registry.gauge("streamrelay_connections", {
      help: "Open connections of clients",
      collect: (gauge) => gauge.set(connections()),
    });
    registry.gauge("streamrelay_build_info", {
      help: "1, with the version",
      labels: ["version"],
      collect: (gauge) => gauge.set({ version }, 1),
    });
    registry.gauge("process_start_time_seconds", {
      help: "Start of the process since 1970",
      collect: (gauge) => gauge.set(startedAt),
    });
    registry.gauge("process_resident_memory_bytes", {
      help: "Memory of the process",
      collect: (gauge) => gauge.set(memoryUsage().rss),
    });
  }
}

function countStates(channels: Channels): Record<ChannelState, number> {
  const counts = { waiting: 0, live: 0, away: 0, ended: 0 };
  for (const { state } of channels.values()) counts[state]++;
  return counts;
}

function lags(channels: Channels): { consumers: number; most: number; sum: number } {
  let consumers = 0;
  let most = 0;
  let sum = 0;
  for (const { readers } of channels.values()) {
    consumers += readers.size;
    for (const { lag } of readers) {
      sum += lag;
      if (lag > most) most = lag;
    }
  }
  return { consumers, most, sum };
}
