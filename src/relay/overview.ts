/**
 * What the operator sees of channels. Nothing of their content is in it.
 *
 * @module
 */

import type { LogEnd } from "../log/channel_log.ts";
import type { ChannelState } from "../protocol/control.ts";
import type { Meta } from "../protocol/meta.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import type { Subscriber } from "./subscriber.ts";

/** A channel in the list. */
export interface ChannelSummary {
  readonly id: string;
  readonly state: ChannelState;
  /** Where its run stands: `<epoch>:<next message>`; absent while the first producer is awaited. */
  readonly position?: string;
  /** Seconds since it was made. */
  readonly age_seconds: number;
  /** Seconds since a producer last sent something, or a side came or went. */
  readonly idle_seconds: number;
  /** How its run ended. */
  readonly end?: { status: LogEnd["status"]; exit_code?: number; signal?: string };
  /** What its producer says of itself, e.g. the id of its job. */
  readonly meta?: Meta;
  /** Number of those who read it. */
  readonly consumers: number;
  /** Messages that the slowest of them has still to be sent. */
  readonly lag: number;
}

/** A channel by itself. */
export interface ChannelDetails extends Omit<ChannelSummary, "consumers"> {
  /** Whether its producer may come back after a lost connection. */
  readonly resumable: boolean;
  /** The oldest message retained. */
  readonly first: number;
  readonly retained_bytes: number;
  /** What has passed in this run; `out` counts each consumer's. */
  readonly totals: {
    messages_in: number;
    bytes_in: number;
    messages_out: number;
    bytes_out: number;
    consumers: number;
    gaps: number;
    messages_missed: number;
  };
  readonly consumers: ConsumerSummary[];
}

/** One who reads a channel. */
export interface ConsumerSummary {
  /** `waiting` for a producer, `live` at the newest message, `behind`, or `blocked`: it takes nothing at the moment. */
  readonly state: "waiting" | "live" | "behind" | "blocked";
  /** The message it is sent next. */
  readonly position?: string;
  /** Messages it has still to be sent. */
  readonly lag: number;
}

/** Which channels {@linkcode listChannels} lists. */
export interface ListOptions {
  /** Only those in this state (default: all). */
  readonly state?: ChannelState;
  /** Only those whose ids come after this one. */
  readonly after?: string;
  /** So many at most. */
  readonly limit: number;
}

/** A page of the list. */
export interface ChannelList {
  /** Channels there are, of the state asked for. */
  readonly total: number;
  /** Sorted by id. */
  readonly channels: ChannelSummary[];
  /** The id to go on after; absent where nothing follows. */
  readonly next?: string;
}

/** Lists channels, a page at a time: a page that follows misses no channel that was there all the time. */
export function listChannels(
  channels: Channels,
  { state, after, limit }: ListOptions,
): ChannelList {
  const wanted = [...channels.values()].filter((channel) =>
    state === undefined || channel.state === state
  );
  const rest = wanted.filter(({ id }) => after === undefined || id > after)
    .sort((a, b) => a.id < b.id ? -1 : 1);
  const page = rest.slice(0, limit);
  return {
    total: wanted.length,
    channels: page.map((channel) => summaryOf(channel, channels.now)),
    ...(rest.length > page.length && { next: page.at(-1)!.id }),
  };
}

/** All about one channel; `now` is the coarse time, ms. */
export function detailsOf(channel: Channel, now: number): ChannelDetails {
  const { meter, log } = channel;
  return {
    ...summaryOf(channel, now),
    resumable: channel.resumable,
    first: log?.first ?? 0,
    retained_bytes: log?.bytes ?? 0,
    totals: {
      messages_in: meter.messagesIn,
      bytes_in: meter.bytesIn,
      messages_out: meter.messagesOut,
      bytes_out: meter.bytesOut,
      consumers: meter.readers,
      gaps: meter.gaps,
      messages_missed: meter.missed,
    },
    consumers: Array.from(channel.readers, consumerOf),
  };
}

function summaryOf(channel: Channel, now: number): ChannelSummary {
  const { id, state, log, end, meta, readers } = channel;
  const age = seconds(performance.now() - channel.createdAt);
  return {
    id,
    state,
    ...(log !== undefined && { position: formatPosition({ epoch: log.epoch, seq: log.next }) }),
    age_seconds: age,
    // the clock of the channels is a little behind
    idle_seconds: Math.min(age, seconds(now - channel.activeAt)),
    ...(end !== undefined && {
      end: { status: end.status, exit_code: end.exitCode, signal: end.signal },
    }),
    ...(meta !== undefined && { meta }),
    consumers: readers.size,
    lag: Array.from(readers).reduce((most, { lag }) => Math.max(most, lag), 0),
  };
}

function consumerOf(reader: Subscriber): ConsumerSummary {
  const { log, lag, next: seq, blocked } = reader;
  if (log === undefined) return { state: "waiting", lag };
  return {
    state: blocked ? "blocked" : lag > 0 ? "behind" : "live",
    position: formatPosition({ epoch: log.epoch, seq }),
    lag,
  };
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 100) / 10);
}
