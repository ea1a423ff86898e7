/**
 * One connection on which a run is sent by the resumable protocol.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ToProducer } from "../protocol/control.ts";
import type { Meta } from "../protocol/meta.ts";
import { parseToProducer } from "../protocol/relay_control.ts";
import type { Connection } from "./connection.ts";
import { closingError } from "./connection_error.ts";
import type { Outbox } from "./outbox.ts";
import { Pump } from "./pump.ts";

/** What a session says in its hello, and whom it tells what. */
export interface ResumableSessionOptions {
  readonly epoch: string;
  readonly meta?: Meta;
  /** Nonce of who uses a token, see `holder.ts`. */
  readonly holder: string;
  /** Whether a relay was reached before. */
  readonly resumed: boolean;
  /** The relay knows us, and says what it wants. */
  readonly onWelcome: () => void;
  /** The relay has more than before. */
  readonly onProgress: () => void;
  /** A consumer wants the producer to stop. */
  readonly onCancel: (reason: string | undefined) => void;
}

/** Time for the relay to answer a hello, ms: less than a relay waits for one. */
const WELCOME_TIMEOUT_MS = 9_000;

/** Empties an {@linkcode Outbox} into one connection: from what the relay has on, and never more than its window. */
export class ResumableSession {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #options: ResumableSessionOptions;
  readonly #pump: Pump;
  #welcomed = false;
  /** Why nothing could be sent. */
  #fault: unknown;

  constructor(connection: Connection, outbox: Outbox, options: ResumableSessionOptions) {
    this.#connection = connection;
    this.#outbox = outbox;
    this.#options = options;
    this.#pump = new Pump({
      ready: () => this.#welcomed && outbox.ready,
      work: () => this.#sendNext(),
      failed: (error) => {
        this.#fault = error;
        connection.destroyUnlessClosing();
      },
    });
  }

  /** There may be something to send. */
  pump(): void {
    this.#pump.start();
  }

  /** Resolves when the relay has acknowledged the end; throws in any other case. */
  async run(): Promise<void> {
    try {
      await this.#connection.send(JSON.stringify(this.#hello()));
      this.#welcome(await this.#firstWord());
      this.#pump.start();
      while (!this.#hear(await this.#receive()));
      void this.#connection.close();
    } finally {
      this.#pump.stop();
    }
  }

  #hello() {
    const { epoch, meta, holder, resumed } = this.#options;
    const { first, next } = this.#outbox.buffer;
    const { credential } = this.#connection;
    return {
      type: "hello",
      role: "produce",
      epoch,
      first,
      next,
      resumed: resumed || undefined,
      meta,
      credential,
      holder,
    };
  }

  async #firstWord(): Promise<ToProducer> {
    const killer = setTimeout(() => this.#connection.destroy(), WELCOME_TIMEOUT_MS);
    try {
      return await this.#receive();
    } finally {
      clearTimeout(killer);
    }
  }

  async #receive(): Promise<ToProducer> {
    const data = await this.#connection.receive();
    if (typeof data === "string") return parseToProducer(data);
    if (data !== undefined) throw new RelayError("protocol", "The relay sent data to a producer");
    const closing = await this.#connection.closed;
    throw this.#fault ?? closingError(closing, "unreachable");
  }

  #welcome(message: ToProducer): void {
    if (message.type !== "welcome" || message.epoch !== this.#options.epoch) {
      throw new RelayError("protocol", "The relay did not answer the hello");
    }
    const { next, window } = message;
    const { buffer } = this.#outbox;
    if (next < buffer.first || next > buffer.next) {
      throw new RelayError("protocol", `The relay asks for message ${next}, which is not here`);
    }
    this.#outbox.restart(next, window);
    this.#welcomed = true;
    this.#options.onWelcome();
  }

  /** Takes note of what the relay said; whether it has acknowledged the end. */
  #hear(message: ToProducer): boolean {
    switch (message.type) {
      case "cancel":
        this.#options.onCancel(message.reason);
        return false;
      case "ack":
        this.#acknowledge(message.next);
        return message.end === true;
      case "welcome":
        throw new RelayError("protocol", "The relay welcomed us twice");
    }
  }

  #acknowledge(next: number): void {
    if (next > this.#outbox.next || next < this.#outbox.buffer.acknowledged) {
      throw new RelayError("protocol", `The relay acknowledged message ${next}, out of order`);
    }
    this.#outbox.acknowledge(next);
    this.#options.onProgress();
    this.#pump.start();
  }

  #sendNext(): Promise<void> | void {
    const frame = this.#outbox.frame();
    if (frame === undefined) {
      return this.#connection.send(JSON.stringify({ type: "end", ...this.#outbox.takeEnd() }));
    }
    this.#outbox.sent(frame);
    return this.#connection.send(frame.frame);
  }
}
