/**
 * A producer's way to the relay, which survives the loss of connections and of relays.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { Meta } from "../protocol/meta.ts";
import { newHolder } from "../protocol/holder.ts";
import { Absence } from "./absence.ts";
import { Connection } from "./connection.ts";
import { type Ending, Outbox } from "./outbox.ts";
import { Patience } from "./patience.ts";
import { PlainSession } from "./plain_session.ts";
import { ResumableSession } from "./resumable_session.ts";
import { isTransient } from "./transient.ts";

/** Options of {@linkcode Uplink}. */
export interface UplinkOptions {
  /** The channel's address at the relay. */
  readonly url: URL;
  readonly epoch: string;
  /** What the relay's operator is told of the run. */
  readonly meta?: Meta;
  readonly secret?: string;
  /** Time for a connection to stand, ms. */
  readonly connectTimeoutMs?: number;
  /** Bytes kept for sending them again. */
  readonly replayBufferBytes: number;
  /** How long the relay may be away, ms; then nothing is tried any more. */
  readonly giveUpMs: number;
  /** The connection to the relay was lost or not to be had, and is tried again. Called once for each absence. */
  readonly onAway: (error: RelayError) => void;
  /** The relay is there (again). */
  readonly onBack: () => void;
  /** A consumer wants the producer to stop. */
  readonly onCancel: (reason: string | undefined) => void;
}

/** What it may lack, and what it has, nobody could say. */
const OTHER_RELAY =
  "Another relay answers now, which speaks the plain protocol (v1): the stream cannot go on there";

/**
 * Sends messages, numbers and keeps them, and sends them again where they did not arrive: to the relay that was lost from
 * what it acknowledges to have, to one that knows nothing from the oldest message kept. To a relay of the plain protocol
 * messages are sent as they come, and the loss of that connection is the end.
 *
 * It runs from its making on. Whatever happens it accepts messages until it has failed; over the bound, which only holds
 * what a relay has not acknowledged, {@linkcode room} waits for a relay that is there, or was a moment ago, and says no where it is not.
 */
export class Uplink {
  /** Resolves when the first connection stands; rejects when that fails for good. */
  readonly connected: Promise<void>;
  /** Resolves when the relay has acknowledged the end; rejects with why it will not. */
  readonly finished: Promise<void>;

  readonly #options: UplinkOptions;
  readonly #outbox: Outbox;
  readonly #absence: Absence;
  readonly #patience: Patience;
  readonly #holder = newHolder();
  readonly #abort = new AbortController();
  readonly #connected = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<void>();
  #connection: Connection | undefined;
  #session: ResumableSession | PlainSession | undefined;
  #plain = false;
  /** Whether a connection stood once. */
  #reached = false;
  #failure: RelayError | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.replayBufferBytes);
    this.#absence = new Absence(options.giveUpMs);
    this.#absence.begin();
    this.#patience = new Patience(this.#absence);
    this.connected = this.#connected.promise;
    this.finished = this.#finished.promise;
    this.connected.catch(() => {}); // nobody need wait for them
    this.finished.catch(() => {});
    void this.#run();
  }

  /** The first message that the relay, this one or the one before, has not acknowledged. */
  get acknowledged(): number {
    return this.#outbox.buffer.acknowledged;
  }

  /** The first message that the relay was not sent. */
  get sent(): number {
    return this.#outbox.next;
  }

  /** Whether the relay speaks the plain protocol, which acknowledges nothing but the end. */
  get plain(): boolean {
    return this.#plain;
  }

  /** Why nothing is sent any more. */
  get failure(): RelayError | undefined {
    return this.#failure;
  }

  /** Whether what the relay has not acknowledged has reached the bound. */
  get full(): boolean {
    return this.#failure !== undefined || this.#outbox.buffer.full;
  }

  /** Whether more can be taken: waits for a relay that has much to take, and some time for one that is away. */
  async room(): Promise<boolean> {
    const over = () => this.#failure !== undefined || !this.#outbox.buffer.full;
    return await this.#patience.wait(over) && this.#failure === undefined;
  }

  /** Takes messages, each one compact JSON text. */
  push(texts: readonly string[]): void {
    if (this.#failure !== undefined || texts.length === 0) return;
    this.#outbox.buffer.push(texts);
    this.#session?.pump();
  }

  /** Takes `count` messages as lines; they are copied. */
  pushLines(lines: Uint8Array, count: number): void {
    if (this.#failure !== undefined || count === 0) return;
    this.#outbox.buffer.pushLines(lines, count);
    this.#session?.pump();
  }

  /** Ends the run after what was pushed. */
  end(ending: Ending): void {
    this.#outbox.end(ending);
    this.#session?.pump();
  }

  /** Leaves now; the relay is told so, and with that readers, that nothing follows. */
  async leave(): Promise<void> {
    const connection = this.#connection;
    this.#fail(new RelayError("unreachable", "The producer left before the end of its stream"));
    await connection?.close();
  }

  /** Lets everything go without a word. */
  destroy(reason: RelayError): void {
    const connection = this.#connection;
    this.#fail(reason);
    connection?.destroy();
  }

  async #run(): Promise<void> {
    try {
      while (!await this.#attempted());
      this.#finished.resolve();
      this.#abort.abort();
    } catch (error) {
      this.#fail(asRelayError(error));
    }
  }

  /** One attempt, and the pause after one that failed. `true` where it brought all to the relay; throws where no other may. */
  async #attempted(): Promise<boolean> {
    try {
      await this.#attempt();
      return true;
    } catch (error) {
      await this.#pauseAfter(error);
      return false;
    }
  }

  /** One connection, from its making to the acknowledged end. Throws in any other case. */
  async #attempt(): Promise<void> {
    const { url, secret, connectTimeoutMs } = this.#options;
    const { signal } = this.#abort;
    const options = { secret, connectTimeoutMs, resumable: true, signal };
    const connection = this.#connection = await Connection.open(url, options);
    try {
      signal.throwIfAborted(); // it may have been while nobody knew of the connection
      await (connection.resumable ? this.#serve(connection) : this.#servePlain(connection));
    } finally {
      this.#connection = this.#session = undefined;
      this.#patience.changed();
      connection.destroyUnlessClosing();
    }
  }

  async #serve(connection: Connection): Promise<void> {
    const { epoch, meta, onCancel } = this.#options;
    const session = new ResumableSession(connection, this.#outbox, {
      epoch,
      meta,
      holder: this.#holder,
      resumed: this.#reached,
      onWelcome: () => this.#standing(session),
      onProgress: () => this.#progressed(),
      onCancel,
    });
    await session.run();
  }

  async #servePlain(connection: Connection): Promise<void> {
    if (this.#reached) throw new RelayError("protocol", OTHER_RELAY);
    this.#plain = true;
    const session = new PlainSession(connection, this.#outbox, () => this.#progressed());
    this.#standing(session);
    await session.run();
  }

  #standing(session: ResumableSession | PlainSession): void {
    this.#session = session;
    this.#reached = true;
    this.#connected.resolve();
    if (this.#absence.end()) this.#options.onBack();
  }

  #progressed(): void {
    this.#absence.progressed();
    if (!this.#outbox.buffer.full) this.#patience.changed();
  }

  /** Waits for another try. Throws where none is worth it. */
  async #pauseAfter(error: unknown): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#absence.begin();
    const passing = isTransient(error, { stood: this.#reached });
    if (!passing || this.#plain || this.#absence.leftMs === 0) throw error;
    if (this.#absence.tell()) this.#options.onAway(error);
    this.#patience.changed();
    await this.#absence.pause(this.#abort.signal, error.retryAfterMs);
  }

  #fail(error: RelayError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#connected.reject(error);
    this.#finished.reject(error);
    this.#session = undefined;
    this.#abort.abort();
    this.#patience.changed();
  }
}

/** A failure that nobody expected is a bug, of ours or of a callback. */
function asRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("internal", "The sending failed", { cause: error });
}
