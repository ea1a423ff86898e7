/**
 * What a command sends to a channel, and what the user is told of it.
 *
 * @module
 */

import { type ErrorDetails, type ProducerOptions, RelayProducer } from "../src/client/producer.ts";
import { RelayError } from "../src/errors.ts";
import type { Message } from "../src/protocol/message.ts";
import { clearStatus, complain, say, status } from "./terminal.ts";

/**
 * The sending side of `produce`. It never fails on the way: a relay that is away must not stop the job. What became of the
 * stream is told at its end.
 */
export class Delivery {
  /** Resolves with the reason, if any, when a consumer wants the producer to stop. */
  readonly cancelled: Promise<string | undefined>;
  readonly #producer: RelayProducer;
  #reached = false;
  #failure: RelayError | undefined;
  #ending = false;
  #replacedTold = false;
  #absent: RelayError | undefined;

  private constructor(producer: RelayProducer, cancelled: Promise<string | undefined>) {
    this.#producer = producer;
    this.cancelled = cancelled;
    void producer.lost.then((error) => this.#fail(error));
    void producer.connected.then(() => this.#reached = true, () => {}); // `lost` tells
  }

  /** Whether the relay was ever there. */
  get reached(): boolean {
    return this.#reached;
  }

  /** Whether all was sent, and only the relay's word is waited for. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Whether nothing is left to do but to wait for a relay that is away. */
  get waiting(): boolean {
    return this.#ending && this.#absent !== undefined;
  }

  /** @throws {RelayError} `usage` for a bad URL, channel or key. */
  static async open(options: ProducerOptions): Promise<Delivery> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    let told: (state: "away" | "back", error?: RelayError) => void = () => {};
    const producer = await RelayProducer.start({
      ...options,
      onRelay: (state, error) => told(state, error),
      onCancel: resolve,
    });
    const delivery = new Delivery(producer, promise);
    told = (state, error) => delivery.#relay(state, error);
    return delivery;
  }

  /** Sends messages; resolves when there is room for more. */
  send(messages: Message[]): Promise<void> {
    return this.#send(() => this.#producer.sendAll(messages));
  }

  /** Sends text as it was read; resolves when there is room for more. */
  async sendText(chunk: Uint8Array): Promise<void> {
    await this.#send(() => this.#producer.sendText(chunk));
    if (this.#producer.textReplaced) this.#tellReplaced();
  }

  async #send(send: () => Promise<void>): Promise<void> {
    const before = this.#producer.undelivered;
    try {
      await send();
      if (before === 0 && this.#producer.undelivered > 0 && this.#failure === undefined) {
        complain("The relay is away and --replay-buffer is full: what follows is not delivered");
      }
    } catch (error) {
      this.#fail(expected(error));
    }
  }

  /** The stream is complete. @throws {RelayError} where the relay has not confirmed all of it. */
  done(usage: Record<string, unknown> | undefined): Promise<void> {
    return this.#end(() => this.#producer.done(usage));
  }

  /** The stream ended badly. @throws {RelayError} where the relay has not confirmed all of it. */
  error(message: string, details: ErrorDetails): Promise<void> {
    return this.#end(() => this.#producer.error(message, details));
  }

  /** Waits for the relay no longer. */
  abandon(): void {
    this.#producer.abandon();
  }

  async #end(end: () => Promise<void>): Promise<void> {
    this.#ending = true;
    if (this.#failure === undefined) {
      if (this.#absent !== undefined) status("waiting for the relay … (Ctrl-C to stop)");
      try {
        await end();
        if (this.#producer.textReplaced) this.#tellReplaced();
        return;
      } catch (error) {
        this.#failure = expected(error);
      } finally {
        clearStatus();
      }
    }
    throw new RelayError(this.#failure.code, `${this.#loss()}: ${this.#failure.message}`);
  }

  #loss(): string {
    const { undelivered, unconfirmed, acknowledging } = this.#producer;
    const parts = [];
    if (undelivered > 0) parts.push(`${tokens(undelivered)} not delivered`);
    if (unconfirmed > 0) parts.push(`${tokens(unconfirmed)} not confirmed`);
    if (parts.length === 0) return "The end of the stream was not confirmed";
    if (!acknowledging) parts.push("the last ones before may be missing too");
    return parts.join(", ");
  }

  #relay(state: "away" | "back", error?: RelayError): void {
    clearStatus();
    this.#absent = error;
    if (state === "back") return say("The relay is there: what was kept is sent");
    complain(`Going on without the relay, and trying it again: ${error!.message}`);
    if (this.#ending) status("waiting for the relay … (Ctrl-C to stop)");
  }

  #tellReplaced(): void {
    if (this.#replacedTold) return;
    this.#replacedTold = true;
    complain("the input is not all UTF-8: U+FFFD stands for the bytes that are not");
  }

  #fail(error: RelayError): void {
    if (this.#failure !== undefined || this.#ending) return;
    this.#failure = error;
    complain(`Going on without the relay: ${error.message}`);
  }
}

/** Anything but a `RelayError` is a bug, and not hidden. */
function expected(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  throw error;
}

function tokens(count: number): string {
  return count === 1 ? "1 token was" : `${count} tokens were`;
}
