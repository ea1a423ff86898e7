/**
 * Reads a stream from a channel.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";
import { isDone, isError, isToken, type Message } from "../protocol/message.ts";
import type { Position } from "../protocol/position.ts";
import { Deadline } from "./deadline.ts";
import { Downlink, type DownlinkOptions } from "./downlink.ts";
import { MessageReader } from "./message_reader.ts";
import { DEFAULT_RELAY_URL, relayPath } from "./relay_url.ts";
import type { StreamEvent } from "./stream_event.ts";
import { failureOfGap, failureOfMessage, failureOfRun } from "./stream_failure.ts";

/** Options of {@linkcode RelayConsumer}. */
export interface ConsumerOptions {
  /** The relay; ws, wss, http or https (default `ws://localhost:8765`). */
  url?: string;
  /** The channel. */
  channel: string;
  /** The relay's secret (default none). */
  secret?: string;
  /** 32 bytes as hex or base64; with it plaintext is refused (default none). */
  encryptionKey?: string;
  /** Where to begin (default `start`): the oldest message, what is still to come, or where an earlier reading stopped. */
  from?: "start" | "live" | Position;
  /** That the run of `from` was read to its `done` before: nothing more of it is a good end then (default false). */
  complete?: boolean;
  /** What to do when the producer was started anew (default `follow`): read its new run from the start, or `fail`. */
  onRestart?: "follow" | "fail";
  /** Go on where the relay no longer has some messages (default false: `incomplete`). */
  allowGaps?: boolean;
  /** Time for the first message to come, ms (default: no limit); then `timeout`. */
  timeoutMs?: number;
  /** Time between messages, ms (default: no limit); then `timeout`. */
  idleTimeoutMs?: number;
  /** Time for the connection to stand, ms (default 10,000); then `unreachable`. */
  connectTimeoutMs?: number;
  /** How long the relay may be away once it was reached, ms (default 600,000). */
  giveUpMs?: number;
  /** Stops reading when aborted. */
  signal?: AbortSignal;
}

const GIVE_UP_MS = 600_000;

const IDLE = (channel: string) => `No message of ${channel} for too long (--idle-timeout)`;

/**
 * The consumer's end of a channel: an async iterable of its tokens. Each iteration is a reading of its own that begins at
 * the oldest message retained, or at `from`. A lost connection is made again and the reading goes on where it was.
 *
 * Only a stream that was `done` ends an iteration without an error; the rest is a {@linkcode RelayError}: `producer_error`
 * for an error the producer reported, `cancelled`, `incomplete` where something is missing, `integrity` for what cannot be
 * decrypted or is not in its place.
 *
 * @example
 * ```ts
 * import { RelayConsumer, RelayProducer, startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * const consumer = new RelayConsumer({ url: relay.url, channel: "job-7", timeoutMs: 10_000 });
 * const reading = (async () => {
 *   let text = "";
 *   for await (const token of consumer) text += token;
 *   return text;
 * })();
 * await using producer = await RelayProducer.connect({ url: relay.url, channel: "job-7" });
 * await producer.sendToken("Hello");
 * await producer.done();
 * assert.equal(await reading, "Hello");
 * ```
 */
export class RelayConsumer implements AsyncIterable<string> {
  readonly #options: ConsumerOptions;
  readonly #url: URL;
  #downlink: Downlink | undefined;
  #reader: MessageReader | undefined;
  /** Whether the present or last reading had anything. */
  #received = false;

  /** @throws {RelayError} `usage` for a bad URL or channel. */
  constructor(options: ConsumerOptions) {
    if (!isChannelId(options.channel)) throw new RelayError("bad_channel");
    this.#url = relayPath(options.url ?? DEFAULT_RELAY_URL, `/consume/${options.channel}`);
    this.#options = options;
  }

  /** Where the present or last reading stands: the message that comes next. Plain relays have no positions. */
  get position(): Position | undefined {
    return this.#downlink?.position;
  }

  /** With a key, whether the messages prove their places in the stream; those of the Python package do not. */
  get proven(): boolean | undefined {
    return this.#reader?.proven;
  }

  /** The tokens as a stream of text. */
  get readable(): ReadableStream<string> {
    return ReadableStream.from(this);
  }

  /**
   * Asks the producer to stop; how the stream ends then tells whether it did. Only while it is read; `false` where a relay
   * of the plain protocol cannot be asked.
   */
  cancel(reason?: string): boolean {
    return this.#downlink?.cancel(reason) ?? false;
  }

  /** All tokens as one text, when the stream is done. */
  async collect(): Promise<string> {
    const tokens: string[] = [];
    for await (const token of this) tokens.push(token);
    return tokens.join("");
  }

  /** The tokens as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for await (const event of this.events()) {
      if (event.kind !== "messages") continue;
      for (const message of event.messages) if (isToken(message)) yield message.content;
    }
  }

  /** Every message, `done` and `error` included, as they come. Ends like the iteration of tokens. */
  async *messages(): AsyncGenerator<Message, void, undefined> {
    for await (const event of this.events()) if (event.kind === "messages") yield* event.messages;
  }

  /**
   * Messages as they came together, and all that happens beside them. Ends like the iteration of tokens. With `asText` runs
   * of nothing but tokens come as the text they make (`kind: "text"`), where that is cheaper.
   */
  async *events({ asText = false } = {}): AsyncGenerator<StreamEvent, void, undefined> {
    const { channel, encryptionKey, timeoutMs, idleTimeoutMs, signal } = this.#options;
    this.#received = false;
    const reader = this.#reader = await MessageReader.create(channel, encryptionKey);
    using deadline = new Deadline(signal);
    deadline.set(timeoutMs, `No message of ${channel} came in time (--timeout)`);
    const downlink = this.#downlink = this.#newDownlink({
      reader,
      signal: deadline.signal,
      asText,
    });
    for await (const event of downlink.events()) {
      deadline.signal.throwIfAborted();
      if (event.kind !== "messages" && event.kind !== "text") {
        yield event;
        if (this.#isEnd(event)) return;
        continue;
      }
      this.#received = true;
      deadline.set(undefined, ""); // it is not for the one who reads to be in time
      const { shown, ending } = upToEnding(event);
      yield* this.#handOut(shown);
      if (ending === undefined) {
        deadline.set(idleTimeoutMs, IDLE(channel));
        continue;
      }
      downlink.close();
      if (isError(ending)) throw failureOfMessage(ending);
      return;
    }
  }

  #newDownlink(reading: Pick<DownlinkOptions, "reader" | "signal" | "asText">): Downlink {
    const { secret, connectTimeoutMs, from = "start", onRestart, giveUpMs } = this.#options;
    return new Downlink({
      url: this.#url,
      secret,
      connectTimeoutMs,
      from,
      followRestart: onRestart !== "fail",
      giveUpMs: giveUpMs ?? GIVE_UP_MS,
      ...reading,
    });
  }

  /** A plain relay puts its gaps among the messages. */
  *#handOut(event: ContentEvent): Generator<StreamEvent> {
    const first = event.kind === "messages" ? event.messages[0] : undefined;
    if (first?.type !== "gap" || event.position !== undefined) return yield event;
    const gap = { kind: "gap", from: Number(first.from), to: Number(first.to) } as const;
    yield gap;
    this.#isEnd(gap);
  }

  /**
   * Whether what happened is the end, and a good one.
   *
   * @throws {RelayError} where it is a bad one.
   */
  #isEnd(event: StreamEvent): boolean {
    if (event.kind === "gap" && !this.#options.allowGaps) throw failureOfGap(event);
    if (event.kind !== "end") return false;
    const { from, complete } = this.#options;
    const nothingMore = complete && typeof from === "object" &&
      this.position?.epoch === from.epoch &&
      this.position.seq === from.seq;
    if (event.status === "done" && nothingMore) return true;
    if (event.status === "done" && !this.#received && from !== undefined && from !== "start") {
      throw new RelayError("incomplete", "The stream has ended already (done): nothing follows");
    }
    throw failureOfRun(event.status, event);
  }
}

/** An event with something of the stream in it. */
type ContentEvent = StreamEvent & { kind: "messages" | "text" };

/** The event without what comes after the message that ends the stream, and that message, if it is there. */
function upToEnding(event: ContentEvent): { shown: ContentEvent; ending?: Message } {
  if (event.kind === "text") return { shown: event };
  const { messages } = event;
  const last = messages.findIndex((message) => isDone(message) || isError(message));
  if (last < 0) return { shown: event };
  return { shown: { ...event, messages: messages.slice(0, last + 1) }, ending: messages[last] };
}
