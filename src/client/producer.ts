/**
 * Sends a stream to a channel.
 *
 * @module
 */

import { Envelope } from "../crypto/envelope.ts";
import { RelayError } from "../errors.ts";
import { isChannelId, newChannelId } from "../protocol/channel_id.ts";
import type { ErrorMessage, Message } from "../protocol/message.ts";
import { closingError, Connection } from "./connection.ts";
import { DEFAULT_RELAY_URL, relayPath } from "./relay_url.ts";

/** Options of {@linkcode RelayProducer.connect}. */
export interface ProducerOptions {
  /** The relay; ws, wss, http or https (default `ws://localhost:8765`). */
  url?: string;
  /** The channel (default: a fresh UUIDv4, see {@linkcode RelayProducer.channel}). */
  channel?: string;
  /** The relay's secret (default none). */
  secret?: string;
  /** 32 bytes as hex or base64; with it the relay sees only ciphertext (default none). */
  encryptionKey?: string;
  /** Time for the connection to stand, ms (default 10,000). */
  connectTimeoutMs?: number;
  /** Gives up connecting when aborted. */
  signal?: AbortSignal;
}

/** What is known of a failure besides its text. */
export type ErrorDetails = Pick<ErrorMessage, "code" | "exit_code" | "signal">;

/**
 * The producer's end of a channel. Await each call: it resolves when there is room for more, so memory stays bounded
 * by a slow network.
 *
 * A producer that is disposed of without {@linkcode done} or {@linkcode error} just leaves, and its readers are told
 * that the stream was lost: an ending nobody stated is never taken for a good one.
 *
 * @example
 * ```ts
 * import { RelayConsumer, RelayProducer, startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * await using producer = await RelayProducer.connect({ url: relay.url, channel: "job-7" });
 * await producer.sendToken("Hello");
 * await producer.sendToken(" world");
 * await producer.done({ completion_tokens: 2 });
 * assert.equal(await new RelayConsumer({ url: relay.url, channel: "job-7" }).collect(), "Hello world");
 * ```
 */
export class RelayProducer implements AsyncDisposable {
  /** The channel's id. */
  readonly channel: string;
  /** Tokens as a stream: closing it is {@linkcode done}, aborting it {@linkcode error}. */
  readonly writable: WritableStream<string>;

  readonly #connection: Connection;
  readonly #envelope: Envelope | undefined;
  #sealing: Promise<void> = Promise.resolve();
  #finished = false;

  private constructor(channel: string, connection: Connection, envelope: Envelope | undefined) {
    this.channel = channel;
    this.#connection = connection;
    this.#envelope = envelope;
    this.writable = new WritableStream({
      write: (token) => this.sendToken(token),
      close: () => this.done(),
      abort: (reason) => this.error(reason instanceof Error ? reason.message : String(reason)),
    });
  }

  /**
   * Connects to a relay.
   *
   * @throws {RelayError} `usage` for a bad URL, channel or key, `unreachable`, `unauthorized`.
   */
  static async connect(options: ProducerOptions = {}): Promise<RelayProducer> {
    const channel = options.channel ?? newChannelId();
    if (!isChannelId(channel)) throw new RelayError("bad_channel");
    const key = options.encryptionKey;
    const envelope = key === undefined ? undefined : await Envelope.create(key);
    const url = relayPath(options.url ?? DEFAULT_RELAY_URL, `/produce/${channel}`);
    return new RelayProducer(channel, await Connection.open(url, options), envelope);
  }

  /** Resolves with the reason when the connection ends before the stream does; never rejects. */
  get lost(): Promise<RelayError> {
    return this.#connection.closed.then((closing) => closingError(closing, "unreachable"));
  }

  /** Sends a piece of text. */
  sendToken(content: string): Promise<void> {
    return this.send({ type: "token", content });
  }

  /**
   * Sends any message.
   *
   * @throws {RelayError} `unreachable`, or what the relay closed the connection for; nothing can be sent any more then.
   */
  async send(message: Message): Promise<void> {
    const text = JSON.stringify(message);
    if (this.#envelope === undefined) return await this.#connection.send(text);
    // sealed side by side, sent in order
    const sealed = this.#envelope.seal(text);
    this.#sealing = this.#sealing.then(async () => this.#connection.send(await sealed));
    await this.#sealing;
  }

  /**
   * Ends the stream; `usage` is whatever was counted. Resolves when the relay has confirmed that it has everything.
   *
   * @throws {RelayError} where it did not.
   */
  async done(usage: Record<string, unknown> = {}): Promise<void> {
    await this.#finish([{ type: "done", usage }]);
  }

  /** Ends the stream with an error that readers are shown. Otherwise as {@linkcode done}. */
  async error(message: string, details: ErrorDetails = {}): Promise<void> {
    await this.#finish([{ type: "error", message, ...details }, { type: "done", usage: {} }]);
  }

  /** Leaves; see the class for what that means before the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#finished) this.#connection.destroy();
    await this.#connection.closed;
  }

  async #finish(messages: Message[]): Promise<void> {
    for (const message of messages) await this.send(message);
    this.#finished = true;
    const closing = await this.#connection.close();
    // the relay answers the close frame after it has read everything before it
    if (closing.code !== 1000) throw closingError(closing, "unreachable");
  }
}
