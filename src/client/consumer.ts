/**
 * Reads a stream from a channel.
 *
 * @module
 */

import { Envelope } from "../crypto/envelope.ts";
import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";
import {
  type ErrorMessage,
  isDone,
  isError,
  isToken,
  type Message,
  parseMessage,
} from "../protocol/message.ts";
import { closingError, Connection } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import { DEFAULT_RELAY_URL, relayPath } from "./relay_url.ts";

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
  /** Time for the first message to come, ms (default: no limit); then `timeout`. */
  timeoutMs?: number;
  /** Time between messages, ms (default: no limit); then `timeout`. */
  idleTimeoutMs?: number;
  /** Time for the connection to stand, ms (default 10,000); then `unreachable`. */
  connectTimeoutMs?: number;
  /** Stops reading when aborted. */
  signal?: AbortSignal;
}

/** Endings that the relay itself reports; it has no key, so these come in plaintext always. */
const RELAY_ENDINGS = new Set(["lost", "expired", "draining"]);

/**
 * The consumer's end of a channel: an async iterable of its tokens. Each iteration is a connection of its own that
 * reads from the oldest message retained.
 *
 * Only a stream that was `done` ends an iteration without an error; the rest is a {@linkcode RelayError}: `producer_error`
 * for an error the producer reported, `incomplete` where the end is missing, `integrity` for what cannot be decrypted.
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

  /** @throws {RelayError} `usage` for a bad URL or channel. */
  constructor(options: ConsumerOptions) {
    if (!isChannelId(options.channel)) throw new RelayError("bad_channel");
    this.#url = relayPath(options.url ?? DEFAULT_RELAY_URL, `/consume/${options.channel}`);
    this.#options = options;
  }

  /** The tokens as a stream of text. */
  get readable(): ReadableStream<string> {
    return ReadableStream.from(this);
  }

  /** All tokens as one text, when the stream is done. */
  async collect(): Promise<string> {
    const tokens: string[] = [];
    for await (const token of this) tokens.push(token);
    return tokens.join("");
  }

  /** The tokens as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for await (const message of this.messages()) if (isToken(message)) yield message.content;
  }

  /** Every message, `done` and `error` included, as they come. Ends like the iteration of tokens. */
  async *messages(): AsyncGenerator<Message, void, undefined> {
    const { channel, encryptionKey, timeoutMs, idleTimeoutMs, signal } = this.#options;
    const envelope = encryptionKey === undefined ? undefined : await Envelope.create(encryptionKey);
    using deadline = new Deadline(signal);
    deadline.set(timeoutMs, `No message of ${channel} came in time (--timeout)`);
    const connection = await Connection.open(this.#url, {
      ...this.#options,
      signal: deadline.signal,
    });
    deadline.signal.addEventListener("abort", () => connection.destroy(), { once: true });
    try {
      for (;;) {
        const text = await connection.receive();
        deadline.signal.throwIfAborted();
        if (text === undefined) throw closingError(await connection.closed, "incomplete");
        const message = await readMessage(text, envelope);
        if (!connection.ready) {
          deadline.set(idleTimeoutMs, `No message of ${channel} for too long (--idle-timeout)`);
        }
        yield message;
        if (isDone(message)) return void connection.close();
        if (isError(message)) throw endingError(message);
      }
    } finally {
      connection.destroyUnlessClosing();
    }
  }
}

/** Opens and parses one message. */
async function readMessage(text: string, envelope: Envelope | undefined): Promise<Message> {
  const message = parseMessage(text);
  if (envelope === undefined) {
    if (message.type !== "enc") return message;
    throw new RelayError(
      "integrity",
      "The channel is encrypted: give its key with RELAY_ENCRYPTION_KEY, --key-file or --encryption-key",
    );
  }
  if (isError(message) && RELAY_ENDINGS.has(message.code ?? "")) return message;
  if (message.type === "gap") return message;
  return parseMessage(await envelope.open(text));
}

function endingError(message: ErrorMessage): RelayError {
  const incomplete = RELAY_ENDINGS.has(message.code ?? "");
  return new RelayError(incomplete ? "incomplete" : "producer_error", message.message);
}
