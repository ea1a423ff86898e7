/**
 * The log line of a stream that is over.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { ChannelLog, LogEnd } from "../log/channel_log.ts";
import type { Channel } from "./channel.ts";
import type { RunMeter } from "./meter.ts";
import { shortId } from "./short_id.ts";

const logger = getLogger(["streamrelay", "relay"]);

/**
 * How the stream that a channel has now ended, and what passed: one line, with all totals as its properties
 * (`--log-format json`). It may be written when the channel has another stream already.
 */
export class StreamReport {
  readonly #id: string;
  readonly #log: ChannelLog | undefined;
  readonly #meter: RunMeter;
  readonly #startedAt: number;

  constructor({ id, log, meter, startedAt }: Channel) {
    this.#id = id;
    this.#log = log;
    this.#meter = meter;
    this.#startedAt = startedAt;
  }

  /** How the stream ended; one that never had a producer has expired. */
  get end(): LogEnd {
    return this.#log?.end ?? { status: "expired" };
  }

  /** Writes the line, for an end at `now`, ms, after this turn, so that readers who keep up have had the end too. */
  write(now: number): void {
    const { end } = this;
    const seconds = Math.round((now - this.#startedAt) / 100) / 10;
    queueMicrotask(() => this.#write(end, seconds));
  }

  #write(end: LogEnd, seconds: number): void {
    const meter = this.#meter;
    logger.info(
      "[{channel}] stream ended: {status}, {messages} messages in {seconds} s, {bytes} bytes, " +
        "{consumers} consumers, {gaps} gaps",
      {
        event: "stream ended",
        channel: shortId(this.#id),
        status: statusText(end),
        messages: this.#log?.next ?? 0,
        seconds,
        bytes: meter.bytesIn,
        messages_out: meter.messagesOut,
        bytes_out: meter.bytesOut,
        consumers: meter.readers,
        gaps: meter.gaps,
        messages_missed: meter.missed,
      },
    );
  }
}

function statusText({ status, exitCode, signal }: LogEnd): string {
  const detail = signal ?? (exitCode === undefined ? undefined : `exit code ${exitCode}`);
  return detail === undefined ? status : `${status} (${detail})`;
}
