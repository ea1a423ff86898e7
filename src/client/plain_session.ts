/**
 * The one connection on which a run is sent by the plain protocol.
 *
 * @module
 */

import { SEQ_BYTES } from "../protocol/data_frame.ts";
import type { Connection } from "./connection.ts";
import { closingError } from "./connection_error.ts";
import type { Outbox } from "./outbox.ts";
import { Pump } from "./pump.ts";

const decoder = new TextDecoder();

/**
 * Empties an {@linkcode Outbox} into a connection to a relay that acknowledges nothing but the end: what was sent counts as
 * arrived, and cannot be sent again.
 */
export class PlainSession {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #onProgress: () => void;
  readonly #pump: Pump;
  /** Why nothing could be sent. */
  #fault: unknown;

  /** `onProgress` is called when something was sent. */
  constructor(connection: Connection, outbox: Outbox, onProgress: () => void) {
    this.#connection = connection;
    this.#outbox = outbox;
    this.#onProgress = onProgress;
    this.#pump = new Pump({
      ready: () => outbox.ready,
      work: () => this.#sendNext(),
      failed: (error) => {
        this.#fault = error;
        connection.destroyUnlessClosing();
      },
    });
    outbox.restart(0, Infinity);
  }

  /** There may be something to send. */
  pump(): void {
    this.#pump.start();
  }

  /** Resolves when the relay has answered the goodbye after the end; throws in any other case. */
  async run(): Promise<void> {
    this.#pump.start();
    const closing = await this.#connection.closed;
    this.#pump.stop();
    // the relay answers the close frame after it has read everything before it
    if (!this.#outbox.empty || closing.code !== 1000) {
      throw this.#fault ?? closingError(closing, "unreachable");
    }
  }

  async #sendNext(): Promise<void> {
    const frame = this.#outbox.frame();
    if (frame === undefined) {
      this.#outbox.takeEnd();
      return void this.#connection.close();
    }
    const lines = decoder.decode(frame.frame.subarray(SEQ_BYTES));
    for (const line of lines.slice(0, -1).split("\n")) {
      const sending = this.#connection.send(line);
      if (sending !== undefined) await sending;
    }
    this.#outbox.sent(frame);
    this.#outbox.acknowledge(frame.next); // as far as can be known here
    this.#onProgress();
  }
}
