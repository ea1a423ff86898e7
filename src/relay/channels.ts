/**
 * All channels of a relay, with the bounds they share.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { type ErrorCode, RelayError } from "../errors.ts";
import type { ChannelLog, LogEnd } from "../log/channel_log.ts";
import { MemoryLog } from "../log/memory_log.ts";
import type { RecordRun } from "../protocol/line_codec.ts";
import { newPlainEpoch } from "../protocol/position.ts";
import { Channel } from "./channel.ts";
import type { RelayLimits } from "./limits.ts";
import { LogMemory } from "./log_memory.ts";
import { RelayMeter } from "./meter.ts";
import type { ProducerLink } from "./producer_link.ts";
import { Rate } from "./rate.ts";
import type { Cancelling, RunClaim } from "./run.ts";
import { shortId } from "./short_id.ts";
import { StreamReport } from "./stream_report.ts";
import type { Subscriber } from "./subscriber.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** The channels by id. Like {@linkcode Channel} it has no clock of its own: {@linkcode sweep} is called with the time. */
export class Channels {
  /** Coarse time in ms, moved by {@linkcode sweep}. */
  now: number;
  /** What has passed of all channels, and who observes it. */
  readonly meter: RelayMeter = new RelayMeter();
  readonly #limits: RelayLimits;
  readonly #channels = new Map<string, Channel>();
  readonly #memory: LogMemory;

  constructor(limits: RelayLimits, now: number) {
    this.#limits = limits;
    this.now = now;
    this.#memory = new LogMemory({
      maxBytes: limits.maxMemory,
      channels: () => this.#channels.values(),
      remove: (channel) => this.#remove(channel),
    });
  }

  /** Number of channels, ended ones that are still readable included. */
  get size(): number {
    return this.#channels.size;
  }

  /** Bytes held by all logs. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** All channels, in the order they were made. */
  values(): Iterable<Channel> {
    return this.#channels.values();
  }

  /** A client was turned away, here or by who calls, for this reason: counted, for the operator. */
  refused(code: ErrorCode): void {
    this.meter.observer.refused(code);
  }

  /** The channel `id`, where there is one. */
  find(id: string): Channel | undefined {
    return this.#channels.get(id);
  }

  /** Asks the producer of a channel to stop; see {@linkcode Channel.cancel}. */
  cancel(channel: Channel, reason: string | undefined): Cancelling {
    const cancelling = channel.cancel(reason);
    logger.info("[{channel}] cancel asked for: {result}", {
      channel: shortId(channel.id),
      result: cancelling.reason ?? "the producer was told",
    });
    return cancelling;
  }

  /**
   * A plain producer takes channel `id`: a new epoch.
   *
   * @throws {RelayError} `producer_exists`, or `limit` where one more channel is too many.
   */
  produce(id: string, producer: ProducerLink): Channel {
    return this.#counted(() =>
      this.#produce(id, (channel) => {
        channel.start(producer, this.#newLog(newPlainEpoch(), 0), this.now);
      })
    );
  }

  /**
   * A resumable producer takes channel `id`, or takes it back.
   *
   * @throws {RelayError} as {@linkcode Channel.resume} does, or `limit` where one more channel is too many.
   */
  resume(id: string, producer: ProducerLink, run: RunClaim): { channel: Channel; next: number } {
    let next = 0;
    const channel = this.#counted(() =>
      this.#produce(id, (channel) => {
        next = channel.resume(producer, run, this.now, (first) => this.#newLog(run.epoch, first));
      })
    );
    // filled again: who read it from another relay will come here too, maybe later than the producer
    const { log } = channel;
    if (log !== undefined && log.next === log.first && run.resumed) {
      const until = this.now + this.#limits.resumeTimeoutMs;
      channel.await(log.cursor(log.first), log, { until, many: true });
    }
    return { channel, next };
  }

  #produce(id: string, take: (channel: Channel) => void): Channel {
    const channel = this.#open(id);
    const before = channel.log;
    const open = before !== undefined && before.end === undefined;
    const report = new StreamReport(channel);
    try {
      take(channel);
    } finally {
      if (channel.log === undefined && channel.readers.size === 0) this.#remove(channel);
    }
    if (before !== undefined && before !== channel.log) {
      if (open) this.#report(channel, report);
      this.#memory.releaseUnread(channel, before);
    }
    logger.debug("[{channel}] producer connected", { channel: shortId(id) });
    return channel;
  }

  #newLog(epoch: string, first: number): ChannelLog {
    const { maxBuffer: maxMessages, maxBufferBytes: maxBytes } = this.#limits;
    return new MemoryLog(epoch, { first, maxMessages, maxBytes });
  }

  /**
   * A reader joins channel `id`, which need not exist yet.
   *
   * @throws {RelayError} `limit` where one more channel, or one more reader of it, is too many.
   */
  consume(id: string, reader: Subscriber): Channel {
    return this.#counted(() => this.#consume(id, reader));
  }

  #consume(id: string, reader: Subscriber): Channel {
    const channel = this.#open(id);
    if (channel.readers.size >= this.#limits.maxConsumers) {
      throw new RelayError("limit", `channel has ${this.#limits.maxConsumers} consumers already`);
    }
    channel.readers.add(reader);
    reader.left = (log) => log !== channel.log && this.#memory.releaseUnread(channel, log);
    if (!channel.live) channel.activeAt = this.now;
    logger.debug("[{channel}] consumer connected", { channel: shortId(id) });
    const { log, extent, meter } = channel;
    if (log !== undefined) reader.begin(log, extent, { meter });
    if (reader.log !== undefined) {
      channel.arrived(reader.log, this.now + this.#limits.holdTimeoutMs);
    }
    return channel;
  }

  /** Appends what a plain producer sent; see {@linkcode flush} for what is to follow. */
  append(channel: Channel, producer: ProducerLink, run: RecordRun): void {
    const ended = channel.end !== undefined;
    this.#memory.grew(channel.append(producer, run, this.now));
    if (!ended && channel.end !== undefined) this.#report(channel);
  }

  /** Appends what a resumable producer sent. As {@linkcode append}. */
  appendRun(channel: Channel, producer: ProducerLink, run: RecordRun): void {
    this.#memory.grew(channel.appendRun(producer, run, this.now));
  }

  /** A resumable producer says that its run is complete; see {@linkcode Channel.finish}. */
  finish(channel: Channel, producer: ProducerLink, next: number, end: LogEnd): void {
    const ended = channel.end !== undefined;
    channel.finish(producer, next, end, this.now);
    if (!ended) this.#report(channel);
  }

  /** Lets the readers of a channel read what has come, then keeps the shared memory bound. */
  flush(channel: Channel): void {
    channel.wake();
    this.#memory.keepBound();
  }

  /** A producer is gone; see {@linkcode Channel.leave}. */
  leave(channel: Channel, producer: ProducerLink, clean: boolean): void {
    const ended = channel.end !== undefined;
    channel.leave(producer, clean, this.now);
    if (!ended && channel.end !== undefined) this.#report(channel);
  }

  /** A reader is gone; one that was `cut` off may come back, and a producer that would run away from it waits. */
  unsubscribe(channel: Channel, reader: Subscriber, { cut = false } = {}): void {
    channel.readers.delete(reader);
    if (channel.readers.size === 0) channel.meter.unread();
    const { log, cursor } = reader;
    if (cut && !reader.finished && log !== undefined && cursor !== undefined) {
      channel.await(cursor, log, { until: this.now + this.#limits.resumeTimeoutMs });
    }
    if (reader.log !== undefined && reader.log !== channel.log) {
      this.#memory.releaseUnread(channel, reader.log);
    }
    if (channel.readers.size > 0 || channel.end !== undefined) return;
    if (channel.log !== undefined) channel.activeAt = this.now;
    else this.#remove(channel);
  }

  /** Lets go of everything, whoever may still be reading. */
  clear(): void {
    this.#memory.clear();
    this.#channels.clear();
  }

  /** Does what the time limits ask for at `now`, ms. */
  sweep(now: number): void {
    this.now = now;
    for (const channel of this.#channels.values()) {
      const idle = now - channel.activeAt;
      if (channel.end !== undefined) {
        if (idle >= this.#limits.retainMs && channel.readers.size === 0) this.#remove(channel);
      } else if (
        channel.awaySince !== undefined && now - channel.awaySince >= this.#limits.resumeTimeoutMs
      ) {
        channel.lose(now);
        this.#report(channel);
      } else if (
        idle >= this.#limits.channelTimeoutMs && !(channel.live && channel.readers.size > 0)
      ) {
        channel.expire(now);
        this.#report(channel);
        if (channel.log === undefined) this.#remove(channel);
      }
    }
  }

  /** Counts a refusal of what it calls. */
  #counted<T>(enter: () => T): T {
    try {
      return enter();
    } catch (error) {
      if (error instanceof RelayError) this.refused(error.code);
      throw error;
    }
  }

  #open(id: string): Channel {
    let channel = this.#channels.get(id);
    if (channel === undefined) {
      if (this.#channels.size >= this.#limits.maxChannels) {
        throw new RelayError("limit", `relay has ${this.#limits.maxChannels} channels already`);
      }
      channel = new Channel(id, this.now, { meter: this.meter, rate: this.#newRate() });
      this.#channels.set(id, channel);
    }
    return channel;
  }

  #newRate(): Rate | undefined {
    const rate = { messages: this.#limits.maxMessageRate, bytes: this.#limits.maxByteRate };
    return Rate.limits(rate) ? new Rate(rate, this.now) : undefined;
  }

  #remove(channel: Channel): void {
    // the last reader of an expired channel may leave when the id is another channel's already
    if (this.#channels.get(channel.id) !== channel) return;
    this.#channels.delete(channel.id);
    if (channel.log !== undefined) this.#memory.releaseUnread(channel, channel.log);
  }

  /** Says how a stream ended: that which the channel has now, where it is not another one's `report`. */
  #report(channel: Channel, report = new StreamReport(channel)): void {
    this.meter.observer.ended(report.end.status);
    report.write(this.now);
  }
}
