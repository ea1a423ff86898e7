/**
 * A consumer's way from the relay, which survives the loss of connections and of relays.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { parseToConsumer } from "../protocol/relay_control.ts";
import { newHolder } from "../protocol/holder.ts";
import type { Position } from "../protocol/position.ts";
import { Absence } from "./absence.ts";
import { Connection } from "./connection.ts";
import { closingError } from "./connection_error.ts";
import type { MessageReader } from "./message_reader.ts";
import type { StreamEvent } from "./stream_event.ts";
import { broken, handOut, StreamReader } from "./stream_reader.ts";
import { isTransient } from "./transient.ts";

/** Options of {@linkcode Downlink}. */
export interface DownlinkOptions {
  /** The channel's address at the relay. */
  readonly url: URL;
  readonly secret?: string;
  /** Time for a connection to stand, ms. */
  readonly connectTimeoutMs?: number;
  /** Where to begin. */
  readonly from: "start" | "live" | Position;
  /** Whether another run is followed. */
  readonly followRestart: boolean;
  /** Hand out tokens as text where that can be, which is cheaper (default false). */
  readonly asText?: boolean;
  /** How long the relay may be away, ms; then the reading fails. */
  readonly giveUpMs: number;
  readonly reader: MessageReader;
  /** Stops reading when aborted. */
  readonly signal: AbortSignal;
}

/** Time for the relay to answer a hello, ms: less than a relay waits for one. */
const WELCOME_TIMEOUT_MS = 9_000;
const OTHER_RELAY = "was replaced by one that speaks the plain protocol (v1) and has no positions";
const NO_POSITIONS =
  "This relay speaks the plain protocol (v1): it can only be read from the start";

/** Reads one channel, over as many connections as it takes. */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #holder = newHolder();
  readonly #reader: StreamReader;
  readonly #absence: Absence;
  #connection: Connection | undefined;
  #plain = false;
  /** Whether a connection stood once. */
  #stood = false;
  #cancel: { reason: string | undefined } | undefined;

  constructor(options: DownlinkOptions) {
    const { reader: messages, from, followRestart, asText, giveUpMs } = this.#options = options;
    this.#reader = new StreamReader({ messages, from, followRestart, asText });
    this.#absence = new Absence(giveUpMs);
  }

  /** The message that is wanted next; `undefined` before a run has begun, and with a plain relay. */
  get position(): Position | undefined {
    return this.#reader.position;
  }

  /** Asks the producer to stop, now and, where the wish may have been lost, after a reconnect; `false` where this relay cannot be asked. */
  cancel(reason: string | undefined): boolean {
    if (this.#plain) return false;
    this.#cancel = { reason };
    if (this.#connection !== undefined) this.#sendCancel(this.#connection);
    return true;
  }

  /** Says goodbye. */
  close(): void {
    void this.#connection?.close();
  }

  /**
   * All that comes, until the caller has seen enough.
   *
   * @throws {RelayError} why nothing comes any more.
   */
  async *events(): AsyncGenerator<StreamEvent, never, undefined> {
    const { signal } = this.#options;
    for (;;) {
      try {
        yield* this.#connected();
      } catch (error) {
        const failure = this.#passing(error);
        if (this.#absence.tell()) yield { kind: "relay", state: "away", error: failure };
        await this.#absence.pause(signal, failure.retryAfterMs);
      }
    }
  }

  /** `error`, where another connection may do better; throws it, or what it comes to, where none is worth a try. */
  #passing(error: unknown): RelayError {
    this.#options.signal.throwIfAborted();
    this.#absence.begin();
    const stood = this.#stood;
    // who never got through is told at once: it may be the wrong address. A limit is one of a relay that is there
    const pointless = !stood && error instanceof RelayError && error.code !== "limit";
    if (!isTransient(error, { stood }) || this.#plain || pointless) throw error;
    if (this.#absence.leftMs === 0) throw this.#reader.atStart ? error : gaveUp(error);
    return error;
  }

  /** What comes on one connection. */
  async *#connected(): AsyncGenerator<StreamEvent, never, undefined> {
    const { url, secret, connectTimeoutMs, signal } = this.#options;
    const options = { secret, connectTimeoutMs, signal, resumable: true };
    const connection = this.#connection = await Connection.open(url, options);
    const leave = () => connection.leave();
    signal.addEventListener("abort", leave, { once: true });
    try {
      signal.throwIfAborted(); // it may have been while nobody listened
      this.#stood = true;
      if (this.#absence.end()) yield { kind: "relay", state: "back" };
      this.#plain = !connection.resumable;
      if (this.#plain && this.#reader.begun) throw broken(OTHER_RELAY);
      return yield* this.#plain ? this.#readPlain(connection) : this.#read(connection);
    } finally {
      this.#connection = undefined;
      signal.removeEventListener("abort", leave);
      connection.destroyUnlessClosing();
    }
  }

  async *#readPlain(connection: Connection): AsyncGenerator<StreamEvent, never, undefined> {
    const { from, reader } = this.#options;
    if (from !== "start") throw new RelayError("usage", NO_POSITIONS);
    reader.expect(undefined, 0);
    for (;;) {
      const data = await connection.receive();
      if (data === undefined) throw closingError(await connection.closed, "incomplete");
      if (typeof data !== "string") throw new RelayError("protocol", "The relay sent binary data");
      yield* handOut(await reader.plain(data));
    }
  }

  async *#read(connection: Connection): AsyncGenerator<StreamEvent, never, undefined> {
    await connection.send(JSON.stringify({
      type: "hello",
      role: "consume",
      position: this.#reader.wish,
      restart: this.#options.followRestart,
      credential: connection.credential,
      holder: this.#holder,
    }));
    if (this.#cancel !== undefined) this.#sendCancel(connection);
    const killer = setTimeout(() => connection.destroy(), WELCOME_TIMEOUT_MS);
    for (;;) {
      const data = await connection.receive();
      clearTimeout(killer);
      this.#options.signal.throwIfAborted();
      if (data === undefined) throw closingError(await connection.closed, "unreachable");
      if (typeof data === "string") yield this.#control(data);
      else yield* this.#data(data);
    }
  }

  #control(text: string): StreamEvent {
    const event = this.#reader.control(parseToConsumer(text));
    if (event.kind === "cancelling" && event.reached) this.#cancel = undefined;
    return event;
  }

  async *#data(frame: Uint8Array): AsyncGenerator<StreamEvent, void, undefined> {
    this.#absence.progressed();
    yield* this.#reader.data(frame);
    // the collector would leave the memory of a fast stream lying about until it happens to run
    if (frame.byteLength === frame.buffer.byteLength) (frame.buffer as ArrayBuffer).transfer(0);
  }

  #sendCancel(connection: Connection): void {
    const { reason } = this.#cancel!;
    // a connection that is lost is noticed where it is read
    Promise.resolve(connection.send(JSON.stringify({ type: "cancel", reason }))).catch(() => {});
  }
}

function gaveUp({ message }: RelayError): RelayError {
  return new RelayError(
    "incomplete",
    `The stream is incomplete, as the relay stays away: ${message}`,
  );
}
