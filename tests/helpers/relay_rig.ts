/**
 * The channels of a relay without its sockets: producers and readers in the test's hand.
 *
 * @module
 */

import { LinesToRecords } from "../../src/protocol/line_codec.ts";
import type { Channel } from "../../src/relay/channel.ts";
import { Channels } from "../../src/relay/channels.ts";
import { DEFAULT_LIMITS, type RelayLimits } from "../../src/relay/limits.ts";
import type { ProducerLink } from "../../src/relay/producer_link.ts";
import type { RunClaim } from "../../src/relay/run.ts";
import { Subscriber } from "../../src/relay/subscriber.ts";

const converter = new LinesToRecords();

/** Channels, at time 0. */
export function channelsWith(limits: Partial<RelayLimits> = {}): Channels {
  return new Channels({ ...DEFAULT_LIMITS, ...limits }, 0);
}

/** A resumable producer of channel `id`. */
export class RigProducer implements ProducerLink {
  readonly resumable = true;
  readonly channel: Channel;
  readonly #channels: Channels;

  constructor(channels: Channels, id: string, claim: Partial<RunClaim> = {}) {
    this.#channels = channels;
    const run = { epoch: `${id}-run`, first: 0, next: 0, ...claim };
    this.channel = channels.resume(id, this, run).channel;
  }

  /** Sends `count` messages that hold `content`. */
  send(count: number, content = "x"): void {
    const line = `${JSON.stringify({ type: "token", content })}\n`;
    const run = converter.convert(new TextEncoder().encode(line.repeat(count)));
    this.#channels.appendRun(this.channel, this, run);
    this.#channels.flush(this.channel);
  }

  /** The run is complete. */
  finish(): void {
    const { next } = this.channel.log!;
    this.#channels.finish(this.channel, this, next, { status: "done" });
    this.#channels.flush(this.channel);
  }

  /** Its connection is lost. */
  lose(): void {
    this.#channels.leave(this.channel, this, false);
  }

  drop(): void {}
  cancel(): boolean {
    return true;
  }
  eased(): void {}
}

/** A reader of channel `id`; one that is `stuck` takes a first run and is never done with it. */
export function rigReader(channels: Channels, id: string, { stuck = false } = {}): Subscriber {
  const reader = new Subscriber({
    toldOfGaps: true,
    begin() {},
    gap: () => true,
    write: () => !stuck,
    producer() {},
    end() {},
    refuse() {},
  });
  channels.consume(id, reader);
  return reader;
}
