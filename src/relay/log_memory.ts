/**
 * The memory of all logs of a relay.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { ChannelLog } from "../log/channel_log.ts";
import type { Channel } from "./channel.ts";
import { shortId } from "./short_id.ts";

/** Options of {@linkcode LogMemory}. */
export interface LogMemoryOptions {
  /** Bytes of all logs together. */
  readonly maxBytes: number;
  /** All channels, in the order they were made. */
  readonly channels: () => Iterable<Channel>;
  /** Removes a channel and lets go of its log. */
  readonly remove: (channel: Channel) => void;
}

const logger = getLogger(["streamrelay", "relay"]);

/** What is left of a large log when all of them together are too large. */
const SHRINK_STEP = 0.75;

/** Counts the bytes of all logs, those that only their readers know included, and keeps them within a bound. */
export class LogMemory {
  readonly #options: LogMemoryOptions;
  #bytes = 0;

  constructor(options: LogMemoryOptions) {
    this.#options = options;
  }

  /** Bytes held by all logs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A log grew by so many bytes; negative where it forgot more than it took. */
  grew(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Lets go of a log that no new reader can reach, once none of the channel's readers reads it any more. */
  releaseUnread(channel: Channel, log: ChannelLog): void {
    for (const reader of channel.readers) if (reader.log === log) return;
    this.#bytes -= log.bytes;
    log.shrink(0);
  }

  /** All logs let go of what they have. */
  clear(): void {
    for (const log of this.#logs()) log.shrink(0);
    this.#bytes = 0;
  }

  /**
   * Brings all logs together under the bound: streams that have ended go first, in the order they came, then the largest logs
   * forget a part, then all they have. Readers at the tail lose nothing by that.
   */
  keepBound(): void {
    if (!this.#over) return;
    this.#dropEnded();
    for (const left of [SHRINK_STEP, 0]) if (this.#over) this.#shrinkLargest(left);
  }

  get #over(): boolean {
    return this.#bytes > this.#options.maxBytes;
  }

  #dropEnded(): void {
    for (const channel of this.#options.channels()) {
      if (!this.#over) return;
      if (channel.end === undefined || channel.readers.size > 0) continue;
      logger.warn("[{channel}] ended stream dropped before its time: --max-memory is reached", {
        channel: shortId(channel.id),
      });
      this.#options.remove(channel);
    }
  }

  /** The largest logs forget, until the bound is kept, all but the part `left` of what they have. */
  #shrinkLargest(left: number): void {
    const before = this.#bytes;
    for (const log of [...this.#logs()].sort((a, b) => b.bytes - a.bytes)) {
      if (!this.#over) break;
      const size = log.bytes;
      log.shrink(Math.floor(size * left));
      this.#bytes += log.bytes - size;
    }
    const bytes = before - this.#bytes;
    logger.warn("{bytes} bytes of oldest messages forgotten: --max-memory is reached", { bytes });
  }

  #logs(): Set<ChannelLog> {
    const logs = new Set<ChannelLog>();
    for (const channel of this.#options.channels()) {
      if (channel.log !== undefined) logs.add(channel.log);
      for (const reader of channel.readers) if (reader.log !== undefined) logs.add(reader.log);
    }
    return logs;
  }
}
