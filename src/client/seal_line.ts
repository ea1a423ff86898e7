/**
 * Messages on their way through the cipher.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { type Envelope, reachesWarning } from "../crypto/envelope.ts";
import { RESERVED } from "../crypto/place.ts";
import { StreamSealer, type StreamSealerOptions } from "../crypto/stream_sealer.ts";
import { RelayError } from "../errors.ts";
import type { Message } from "../protocol/message.ts";

/** Messages that are under way through the cipher together: each costs some 20 kB there. */
const SEALED_AT_A_TIME = 256;

const logger = getLogger(["streamrelay", "client"]);

/**
 * Numbers the messages of a run, seals some at a time side by side, and hands them on in the order in which they came.
 *
 * @example
 * ```ts
 * import { Envelope } from "../crypto/envelope.ts";
 * import { generateKey } from "../crypto/key.ts";
 * import { SealLine } from "./seal_line.ts";
 * import assert from "node:assert/strict";
 *
 * const envelope = await Envelope.create(generateKey());
 * const sent: string[] = [];
 * const line = new SealLine(envelope, {
 *   channel: "job-7",
 *   epoch: "run-1",
 *   handOn: (sealed) => void sent.push(...sealed),
 * });
 * await Promise.all([line.push(['{"type":"token","content":"Hi"}']), line.push(['{"type":"done"}'])]);
 * assert.match(await envelope.open(sent[1]), /"type":"done".*"n":1/);
 * ```
 */
export class SealLine {
  readonly #envelope: Envelope;
  readonly #sealer: StreamSealer;
  readonly #handOn: (sealed: string[]) => void;
  /** Number of the next message. */
  #next = 0;
  /** The last call of {@linkcode push}: each waits for the one before, and fails with it, so that no number is missing. */
  #last: Promise<void> = Promise.resolve();

  /**
   * `handOn` is given what was sealed.
   *
   * @throws {RelayError} `usage` as `StreamSealer`.
   */
  constructor(
    envelope: Envelope,
    options: StreamSealerOptions & { handOn: (sealed: string[]) => void },
  ) {
    this.#envelope = envelope;
    this.#sealer = new StreamSealer(envelope, options);
    this.#handOn = options.handOn;
  }

  /** Seals messages, each one compact JSON text; resolves when they were handed on. */
  async push(texts: readonly string[]): Promise<void> {
    this.#last = this.#sealAll(texts, this.#last);
    await this.#last;
    if (reachesWarning(this.#envelope.sealed, texts.length)) {
      logger.warn("one key has sealed 2^31 messages, of the 2^32 that are safe: make a new one");
    }
  }

  async #sealAll(texts: readonly string[], turn: Promise<void>): Promise<void> {
    await turn;
    for (let from = 0; from < texts.length; from += SEALED_AT_A_TIME) {
      const slice = texts.slice(from, from + SEALED_AT_A_TIME);
      this.#handOn(await Promise.all(slice.map((text) => this.#sealer.seal(text, this.#next++))));
    }
  }
}

/**
 * Judges a message before it has its number: one that could not be sealed would leave a hole.
 *
 * @throws {RelayError} `usage` for one with a field that sealed messages have of their own.
 */
export function checkSealable(message: Message): void {
  const name = RESERVED.find((name) => name in message);
  if (name === undefined) return;
  throw new RelayError(
    "usage",
    `Cannot encrypt a message with a field "${name}": that name is taken`,
  );
}
