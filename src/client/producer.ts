/**
 * Sends a stream to a channel.
 *
 * @module
 */

import { Envelope } from "../crypto/envelope.ts";
import { RelayError } from "../errors.ts";
import { isChannelId, newChannelId } from "../protocol/channel_id.ts";
import { checkedMeta, type Meta } from "../protocol/meta.ts";
import type { ErrorMessage, LogMessage, Message, Progress } from "../protocol/message.ts";
import { newEpoch } from "../protocol/position.ts";
import { Intake } from "./intake.ts";
import { DEFAULT_RELAY_URL, relayPath } from "./relay_url.ts";
import { RunSender } from "./run_sender.ts";
import { SealLine } from "./seal_line.ts";
import { Uplink } from "./uplink.ts";

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
  /** Encrypted messages are filled up to a multiple of so many bytes, against guesses from their sizes (default: they are not). */
  pad?: number;
  /** What the relay's operator is told of this run, e.g. `{ job: "4711" }`: never encrypted, at most 1 KiB (default nothing). */
  meta?: Meta;
  /** Time for the connection to stand, ms (default 10,000). */
  connectTimeoutMs?: number;
  /** Bytes kept to be sent again (default 64 MiB): what the relay has not acknowledged, and of the rest as much as fits. */
  replayBufferBytes?: number;
  /** How long the relay may be away, ms (default 600,000); then nothing is tried any more. */
  giveUpMs?: number;
  /** The relay is away (`error` says why) and is tried again, or is back. */
  onRelay?: (state: "away" | "back", error?: RelayError) => void;
  /** A consumer wants the producer to stop. What to do about it is the producer's decision. */
  onCancel?: (reason: string | undefined) => void;
  /** Gives up connecting when aborted. */
  signal?: AbortSignal;
}

/** What is known of a failure besides its text. */
export type ErrorDetails = Pick<ErrorMessage, "code" | "exit_code" | "signal">;

const REPLAY_BUFFER_BYTES = 64 * 1024 * 1024;
const GIVE_UP_MS = 600_000;

/**
 * The producer's end of a channel. Await each call: it resolves when there is room for more, so memory stays bounded
 * by a slow network.
 *
 * A lost connection is made again, and what the relay does not have is sent again: readers get everything once. While the
 * relay is away messages are kept up to a bound; over it they, and all that follow, are dropped and counted
 * ({@linkcode RelayProducer.undelivered}): a producer is never stopped by a relay that is not there. With a relay that
 * only speaks the plain protocol a lost connection is the end.
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
  /** Identity of this run. */
  readonly epoch: string;
  /** Tokens as a stream: closing it is {@linkcode done}, aborting it {@linkcode error}. */
  readonly writable: WritableStream<string>;

  readonly #uplink: Uplink;
  readonly #intake: Intake;
  readonly #sender: RunSender;
  #abandoned = false;

  private constructor(
    options: ProducerOptions & { channel: string },
    envelope: Envelope | undefined,
  ) {
    const { channel, pad } = options;
    this.channel = channel;
    this.epoch = newEpoch();
    const sealing = { channel, epoch: this.epoch, pad };
    const handOn = (sealed: string[]) => this.#uplink.push(sealed);
    const sealLine = envelope && new SealLine(envelope, { ...sealing, handOn });
    this.#uplink = new Uplink({
      url: relayPath(options.url ?? DEFAULT_RELAY_URL, `/produce/${channel}`),
      epoch: this.epoch,
      secret: options.secret,
      meta: options.meta,
      connectTimeoutMs: options.connectTimeoutMs,
      replayBufferBytes: options.replayBufferBytes ?? REPLAY_BUFFER_BYTES,
      giveUpMs: options.giveUpMs ?? GIVE_UP_MS,
      onAway: (error) => options.onRelay?.("away", error),
      onBack: () => options.onRelay?.("back"),
      onCancel: (reason) => options.onCancel?.(reason),
    });
    this.#intake = new Intake(this.#uplink);
    this.#sender = new RunSender({ uplink: this.#uplink, intake: this.#intake, sealLine });
    this.writable = new WritableStream({
      write: (token) => this.sendToken(token),
      close: () => this.done(),
      abort: (reason) => this.error(reason instanceof Error ? reason.message : String(reason)),
    });
  }

  /**
   * Connects to the relay.
   *
   * @throws {RelayError} `usage` for a bad URL, channel or key, `unreachable` and the like where it cannot be reached now.
   */
  static async connect(options: ProducerOptions = {}): Promise<RelayProducer> {
    options.signal?.throwIfAborted();
    let failed: (error: RelayError) => void = () => {};
    const away = new Promise<never>((_, reject) => failed = reject);
    const producer = await RelayProducer.start({
      ...options,
      onRelay: (state, error) => {
        if (state === "away") failed(error!);
        options.onRelay?.(state, error);
      },
    });
    const { signal } = options;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      signal?.throwIfAborted(); // it may have been while the key was read
      await Promise.race([producer.connected, away, aborted.promise]);
    } catch (error) {
      producer.abandon();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
      away.catch(() => {}); // told by then to nobody but `onRelay`
    }
    return producer;
  }

  /**
   * Begins to connect, and goes on trying until it succeeds or `giveUpMs` has passed. Messages may be sent at once.
   *
   * @throws {RelayError} `usage` for a bad URL, channel, key or meta.
   */
  static async start(options: ProducerOptions = {}): Promise<RelayProducer> {
    const channel = options.channel ?? newChannelId();
    if (!isChannelId(channel)) throw new RelayError("bad_channel");
    const { encryptionKey: key, meta } = options;
    if (meta !== undefined) checkMeta(meta);
    const envelope = key === undefined ? undefined : await Envelope.create(key);
    return new RelayProducer({ ...options, channel }, envelope);
  }

  /** Resolves when the first connection stands; rejects when that has failed for good. */
  get connected(): Promise<void> {
    return this.#uplink.connected;
  }

  /** Resolves with the reason when nothing can be sent any more before the stream has ended; never rejects. */
  get lost(): Promise<RelayError> {
    return new Promise((resolve) => this.#uplink.finished.catch(resolve));
  }

  /**
   * Messages that readers will not have: those dropped because the relay was away for too long or too much had gathered,
   * and, once nothing can be sent any more, those that never were.
   */
  get undelivered(): number {
    return this.#intake.undelivered;
  }

  /** Messages that were sent and that the relay has not acknowledged: readers have them, or not. */
  get unconfirmed(): number {
    return this.#intake.unconfirmed;
  }

  /** Whether the relay tells what it has; one of the plain protocol only confirms the end. */
  get acknowledging(): boolean {
    return !this.#uplink.plain;
  }

  /** Sends a piece of text. */
  sendToken(content: string): Promise<void> {
    return this.sendAll([{ type: "token", content }]);
  }

  /** Sends a line for the job's log; it need not end with a newline. As {@linkcode sendAll}. */
  log(
    content: string,
    { level, stream }: Pick<LogMessage, "level" | "stream"> = {},
  ): Promise<void> {
    return this.send({ type: "log", level, stream, content });
  }

  /**
   * Says how far the job has come, which `consume` and the browser page show as a bar. As {@linkcode sendAll}.
   *
   * @throws {RangeError} where `percent` is not 0 to 100.
   */
  // deno-lint-ignore require-await -- a wrong argument is a rejection, too
  async progress({ percent, step }: Progress): Promise<void> {
    if (percent !== undefined && !(percent >= 0 && percent <= 100)) {
      throw new RangeError(`Cannot send a progress of ${percent}: percent is 0 to 100`);
    }
    return this.send({ type: "progress", percent, step });
  }

  /** Says that something happened; `data` is whatever JSON can hold. As {@linkcode sendAll}. */
  event(name: string, data?: unknown): Promise<void> {
    return this.send({ type: "event", name, data });
  }

  /** Sends any message; as {@linkcode sendAll}. */
  send(message: Message): Promise<void> {
    return this.sendAll([message]);
  }

  /**
   * Sends text as it was read from a program, UTF-8 in any slices: each line is a token, as is at once what follows the last
   * newline. `chunk` may be used again once this has resolved. What is held back of a character that has not come whole is
   * sent with the next chunk, or the end of the stream.
   *
   * @throws {RelayError} why nothing can be sent any more; `usage` after the end.
   */
  sendText(chunk: Uint8Array): Promise<void> {
    return this.#sender.sendText(chunk);
  }

  /** Whether text had bytes that are not UTF-8: U+FFFD was sent for them. */
  get textReplaced(): boolean {
    return this.#sender.textReplaced;
  }

  /**
   * Sends messages together, which costs less than one by one.
   *
   * @throws {RelayError} why nothing can be sent any more; `usage` after the end, and for a message to be encrypted that has
   * a field `ch`, `ep`, `n` or `p`, which encrypted messages have of their own.
   */
  sendAll(messages: readonly Message[]): Promise<void> {
    return this.#sender.sendAll(messages);
  }

  /**
   * Ends the stream; `usage` is whatever was counted. Resolves when the relay has confirmed that it has everything. Of
   * several endings, {@linkcode error} among them, the first counts, and the others resolve, or reject, along with it.
   *
   * @throws {RelayError} where it did not, or messages were dropped.
   */
  async done(usage: Record<string, unknown> = {}): Promise<void> {
    await this.#sender.end([{ type: "done", usage }], { status: "done" });
  }

  /** Ends the stream with an error that readers are shown. Otherwise as {@linkcode done}. */
  async error(message: string, details: ErrorDetails = {}): Promise<void> {
    const { code, exit_code, signal } = details;
    await this.#sender.end(
      [{ type: "error", message, ...details }, { type: "done", usage: {} }],
      { status: code === "cancelled" ? "cancelled" : "error", exit_code, signal },
    );
  }

  /** Lets everything go at once, without a word to the relay. */
  abandon(): void {
    this.#abandoned = true;
    this.#uplink.destroy(new RelayError("unreachable", "The producer was abandoned"));
  }

  /** Leaves; see the class for what that means before the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#sender.ended && !this.#abandoned) await this.#uplink.leave();
  }
}

function checkMeta(meta: Meta): void {
  try {
    checkedMeta(meta);
  } catch (cause) {
    if (!(cause instanceof RelayError)) throw cause;
    throw new RelayError("usage", `Cannot send that meta: ${cause.message}`, { cause });
  }
}
