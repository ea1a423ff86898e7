/**
 * What Prometheus is told.
 *
 * @module
 */

import { memoryUsage } from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ErrorCode } from "../errors.ts";
import type { LogEnd } from "../log/channel_log.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Channels } from "./channels.ts";
import type { RelayLimits } from "./limits.ts";
import type { Observer } from "./meter.ts";

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
  readonly #registry = new Registry();
  readonly #firstMessage: Histogram;
  readonly #relayed: Histogram;
  readonly #ended: Counter;
  readonly #refused: Counter;

  /** From now on it observes `channels`. */
  constructor(options: MetricsOptions) {
    this.contentType = this.#registry.contentType;
    this.#watchChannels(options);
    this.#watchTraffic(options.channels);
    this.#watchProcess(options);
    this.#firstMessage = this.#histogram(
      "streamrelay_first_message_seconds",
      "Time from the making of a channel, by whichever side came first, to its first message",
      FIRST_MESSAGE_BUCKETS,
    );
    this.#relayed = this.#histogram(
      "streamrelay_relay_seconds",
      "Time from the append of a batch to its first write to a consumer; a sample a second and channel",
      RELAY_BUCKETS,
    );
    this.#ended = this.#counter("streamrelay_streams_ended_total", "Ended streams", "status");
    this.#refused = this.#counter("streamrelay_refusals_total", "Clients turned away", "reason");
    options.channels.meter.observer = this;
  }

  /** All of it in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
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
    this.#gauge("streamrelay_channels", "Channels", (gauge) => {
      const counts = countStates(channels);
      for (const state of STATES) gauge.set({ state }, counts[state]);
    }, ["state"]);
    this.#gauge("streamrelay_consumers", "Consumers", (gauge) => {
      gauge.set(lags(channels).consumers);
    });
    this.#gauge(
      "streamrelay_consumer_lag_messages",
      "Messages that consumers have still to be sent: the most of one consumer, and of all together",
      (gauge) => {
        const { most, sum } = lags(channels);
        gauge.set({ of: "slowest" }, most);
        gauge.set({ of: "all" }, sum);
      },
      ["of"],
    );
    this.#gauge("streamrelay_retained_bytes", "Bytes held in the logs of all channels", (gauge) => {
      gauge.set(channels.bytes);
    });
    this.#gauge("streamrelay_retained_bytes_limit", "Their bound, --max-memory", (gauge) => {
      gauge.set(limits.maxMemory);
    });
  }

  #watchTraffic({ meter }: Channels): void {
    this.#sums("streamrelay_messages_total", "Messages from producers and to consumers", () => ({
      in: meter.messagesIn,
      out: meter.messagesOut,
    }));
    this.#sums("streamrelay_bytes_total", "Bytes of those messages", () => ({
      in: meter.bytesIn,
      out: meter.bytesOut,
    }));
    this.#sum("streamrelay_gaps_total", "Times a consumer was told of messages missing", () => {
      return meter.gaps;
    });
    this.#sum("streamrelay_gap_messages_total", "Messages that were missing", () => meter.missed);
  }

  #watchProcess({ connections, version }: MetricsOptions): void {
    const startedAt = (Date.now() - performance.now()) / 1000;
    this.#gauge("streamrelay_connections", "Open connections of clients", (gauge) => {
      gauge.set(connections());
    });
    this.#gauge("streamrelay_build_info", "1, with the version", (gauge) => {
      gauge.set({ version }, 1);
    }, ["version"]);
    this.#gauge("process_start_time_seconds", "Start of the process since 1970", (gauge) => {
      gauge.set(startedAt);
    });
    this.#gauge("process_resident_memory_bytes", "Memory of the process", (gauge) => {
      gauge.set(memoryUsage().rss);
    });
  }

  #gauge(
    name: string,
    help: string,
    collect: (gauge: Gauge) => void,
    labelNames: string[] = [],
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        collect(this);
      },
    });
  }

  /** A counter that is one of the plain numbers. */
  #sum(name: string, help: string, value: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }

  /** A counter for each direction. */
  #sums(name: string, help: string, values: () => Record<"in" | "out", number>): void {
    new Counter({
      name,
      help,
      labelNames: ["direction"],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [direction, value] of Object.entries(values())) this.inc({ direction }, value);
      },
    });
  }

  #counter(name: string, help: string, label: string): Counter {
    return new Counter({ name, help, labelNames: [label], registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
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
