/**
 * The way that tokens of the bench take through a relay.
 *
 * @module
 */

import { RelayConsumer } from "../client/consumer.ts";
import { RelayProducer } from "../client/producer.ts";
import { RelayError } from "../errors.ts";
import { isToken } from "../protocol/message.ts";

/** How to reach a relay. */
export interface Endpoint {
  readonly url: string;
  readonly secret?: string;
  /** With it everything is encrypted from end to end. */
  readonly encryptionKey?: string;
}

/** Where tokens go and where they are read: one channel, or, where another host sends them back, two. */
export interface Lane {
  readonly there: string;
  readonly back: string;
}

/** How long a relay may be away, ms: the figures of a run are worth nothing after that. */
export const AWAY_MS = 10_000;
/** What may come so much later than it is due, ms, is given up. */
const OVERDUE_MS = 30_000;
/** For a relay of the plain protocol, which does not say that a reader is there, ms. */
const PLAIN_READER_MS = 1_000;

/** Options of {@linkcode LaneReader}. */
export interface LaneReaderOptions extends Endpoint {
  readonly channel: string;
  /** The longest time in which nothing is due, ms (default: nobody knows). */
  readonly silenceMs?: number;
  /** Tokens that came together. */
  readonly onTokens: (contents: readonly string[]) => void;
  readonly signal: AbortSignal;
}

/** A consumer of tokens, which says when it is there. It reads from its making on. */
export class LaneReader {
  /** Resolves when the relay has it as a reader. */
  readonly ready: Promise<void>;
  /** Resolves at the stream's `done`; rejects where it ended otherwise. */
  readonly finished: Promise<void>;
  /** How often the connection was lost. */
  lostConnections = 0;
  readonly #ready = Promise.withResolvers<void>();

  constructor(options: LaneReaderOptions) {
    this.finished = this.#read(options);
    this.finished.catch((error) => this.#ready.reject(error));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // who waits for neither has failed before
  }

  /** Resolves when the relay has it as a reader, or, where `plain`, when it should by now. */
  async there({ plain }: { plain: boolean }): Promise<void> {
    if (!plain) return await this.ready;
    const timer = setTimeout(() => this.#ready.resolve(), PLAIN_READER_MS);
    await this.ready.finally(() => clearTimeout(timer));
  }

  async #read({ onTokens, silenceMs, ...options }: LaneReaderOptions): Promise<void> {
    const limitMs = silenceMs === undefined ? undefined : silenceMs + OVERDUE_MS;
    const limits = { timeoutMs: limitMs, idleTimeoutMs: limitMs, giveUpMs: AWAY_MS };
    try {
      for await (const event of new RelayConsumer({ ...options, ...limits }).events()) {
        if (event.kind === "producer") this.#ready.resolve();
        else if (event.kind === "relay" && event.state === "away") this.lostConnections++;
        else if (event.kind === "messages") {
          onTokens(event.messages.filter(isToken).map(({ content }) => content));
        }
      }
    } catch (error) {
      if (limitMs === undefined || !(error instanceof RelayError) || error.code !== "timeout") {
        throw error;
      }
      const seconds = Math.round(limitMs / 1000);
      throw new RelayError("timeout", `No token came for ${seconds} s, where some were due`);
    }
  }
}

/** A producer at the beginning of a lane; it connects while the model reads its prompt, as that of a job does. */
export function laneProducer(endpoint: Endpoint, channel: string): Promise<RelayProducer> {
  const { url, secret, encryptionKey } = endpoint;
  return RelayProducer.start({ url, secret, encryptionKey, channel, giveUpMs: AWAY_MS });
}
