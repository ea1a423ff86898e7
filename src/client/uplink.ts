/**
 * A producer's way to the relay, which survives the loss of connections and of relays.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import {
  type EndDetails,
  type Meta,
  parseToProducer,
  type RunStatus,
  type ToProducer,
} from "../protocol/control.ts";
import { SEQ_BYTES } from "../protocol/data_frame.ts";
import { newHolder } from "../protocol/holder.ts";
import { Backoff, pause } from "./backoff.ts";
import { closingError, Connection } from "./connection.ts";
import { ReplayBuffer } from "./replay_buffer.ts";
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

/** How a run ends. */
export interface Ending extends EndDetails {
  readonly status: RunStatus;
}

/** What it may lack, and what it has, nobody could say. */
const OTHER_RELAY =
  "Another relay answers now, which speaks the plain protocol (v1): the stream cannot go on there";
/** Time for the relay to answer a hello, ms: less than a relay waits for one. */
const WELCOME_TIMEOUT_MS = 9_000;
/** How long a relay may be away before what finds no room is dropped, ms: a blip and a restart are shorter. */
const PATIENCE_MS = 10_000;

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
  readonly #buffer: ReplayBuffer;
  readonly #abort = new AbortController();
  readonly #connected = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #backoff = new Backoff();
  readonly #holder = newHolder();
  /** The connection that was made last, welcome or not. */
  #opened: Connection | undefined;
  /** The one that stands. */
  #connection: Connection | undefined;
  /** The message to be sent next. */
  #sent = 0;
  /** Frames on their way: the number after their messages, and their bytes of lines. */
  #flying: { next: number; bytes: number }[] = [];
  #inFlight = 0;
  #window = 0;
  #sending = false;
  #plain = false;
  /** Whether a connection stood once. */
  #reached = false;
  #ending: Ending | undefined;
  #endSent = false;
  #failure: RelayError | undefined;
  /** Since when the relay is away, ms. */
  #awaySince: number | undefined = performance.now();
  #told = false;
  /** Calls of `room` that wait. */
  readonly #waiting: (() => void)[] = [];

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#buffer = new ReplayBuffer(options.replayBufferBytes);
    this.connected = this.#connected.promise;
    this.finished = this.#finished.promise;
    this.connected.catch(() => {}); // nobody need wait for them
    this.finished.catch(() => {});
    void this.#run();
  }

  /** The number that the next message will have. */
  get next(): number {
    return this.#buffer.next;
  }

  /** The first message that the relay, this one or the one before, has not acknowledged. */
  get acknowledged(): number {
    return this.#buffer.acknowledged;
  }

  /** The first message that the relay was not sent. */
  get sent(): number {
    return this.#sent;
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
    return this.#failure !== undefined || this.#buffer.full;
  }

  /** Whether more can be taken: waits for a relay that has much to take, and some time for one that is away. */
  async room(): Promise<boolean> {
    while (this.#failure === undefined && this.#buffer.full) {
      const patience = this.#awaySince === undefined
        ? Infinity
        : this.#awaySince + PATIENCE_MS - performance.now();
      if (patience <= 0) return false;
      await this.#change(patience);
    }
    return this.#failure === undefined;
  }

  /** Resolves when there may be room, or not, or after `ms`. */
  async #change(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  /** Takes messages, each one compact JSON text. */
  push(texts: readonly string[]): void {
    if (this.#failure !== undefined || texts.length === 0) return;
    this.#buffer.push(texts);
    this.#pump();
  }

  /** Takes `count` messages as lines; they are copied. */
  pushLines(lines: Uint8Array, count: number): void {
    if (this.#failure !== undefined || count === 0) return;
    this.#buffer.pushLines(lines, count);
    this.#pump();
  }

  /** Ends the run after what was pushed. */
  end(ending: Ending): void {
    this.#ending = ending;
    this.#pump();
  }

  /** Leaves now; the relay is told so, and with that readers, that nothing follows. */
  async leave(): Promise<void> {
    const connection = this.#opened;
    this.#fail(new RelayError("unreachable", "The producer left before the end of its stream"));
    await connection?.close();
  }

  /** Lets everything go without a word. */
  destroy(reason: RelayError): void {
    const connection = this.#opened;
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
    const connection = await Connection.open(url, {
      secret,
      connectTimeoutMs,
      resumable: true,
      signal,
    });
    this.#opened = connection;
    try {
      signal.throwIfAborted();
      if (connection.resumable) await this.#serve(connection);
      else if (this.#reached) throw new RelayError("protocol", OTHER_RELAY);
      else await this.#servePlain(connection);
    } finally {
      this.#opened = this.#connection = undefined;
      this.#wake();
      connection.destroyUnlessClosing();
    }
  }

  /** Waits for another try. Throws where none is worth it. */
  async #pauseAfter(error: unknown): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const now = performance.now();
    this.#awaySince ??= now;
    const left = this.#awaySince + this.#options.giveUpMs - now;
    if (!isTransient(error, { stood: this.#reached }) || this.#plain || left <= 0) throw error;
    if (!this.#told) this.#options.onAway(error);
    this.#told = true;
    this.#wake();
    await pause(Math.min(left, this.#backoff.next(error.retryAfterMs)), this.#abort.signal);
  }

  #standing(connection: Connection): void {
    this.#connection = connection;
    this.#reached = true;
    this.#awaySince = undefined;
    this.#connected.resolve();
    if (this.#told) this.#options.onBack();
    this.#told = false;
  }

  async #serve(connection: Connection): Promise<void> {
    const { epoch, meta } = this.#options;
    const { first, next } = this.#buffer;
    const { credential } = connection;
    const holder = this.#holder;
    await connection.send(
      JSON.stringify({
        type: "hello",
        role: "produce",
        epoch,
        first,
        next,
        resumed: this.#reached || undefined,
        meta,
        credential,
        holder,
      }),
    );
    const killer = setTimeout(() => connection.destroy(), WELCOME_TIMEOUT_MS);
    try {
      this.#welcome(await this.#receive(connection));
    } finally {
      clearTimeout(killer);
    }
    this.#standing(connection);
    this.#pump();
    for (;;) {
      const message = await this.#receive(connection);
      if (message.type === "cancel") this.#options.onCancel(message.reason);
      else if (message.type === "ack") this.#acknowledge(message.next);
      else throw new RelayError("protocol", "The relay welcomed us twice");
      if (message.type === "ack" && message.end) return void connection.close();
    }
  }

  async #receive(connection: Connection): Promise<ToProducer> {
    const data = await connection.receive();
    if (data === undefined) throw closingError(await connection.closed, "unreachable");
    if (typeof data === "string") return parseToProducer(data);
    throw new RelayError("protocol", "The relay sent data to a producer");
  }

  #welcome(message: ToProducer): void {
    if (message.type !== "welcome" || message.epoch !== this.#options.epoch) {
      throw new RelayError("protocol", "The relay did not answer the hello");
    }
    const { next, window } = message;
    if (next < this.#buffer.first || next > this.#buffer.next) {
      throw new RelayError("protocol", `The relay asks for message ${next}, which is not here`);
    }
    this.#sent = next;
    this.#flying = [];
    this.#inFlight = 0;
    this.#window = window;
    this.#endSent = false;
    this.#buffer.acknowledge(next);
  }

  #acknowledge(next: number): void {
    if (next > this.#sent || next < this.#buffer.acknowledged) {
      throw new RelayError("protocol", `The relay acknowledged message ${next}, out of order`);
    }
    this.#backoff.reset(); // a welcome alone is no progress
    this.#buffer.acknowledge(next);
    let landed = 0;
    while (landed < this.#flying.length && this.#flying[landed].next <= next) {
      this.#inFlight -= this.#flying[landed++].bytes;
    }
    this.#flying.splice(0, landed);
    if (!this.#buffer.full) this.#wake();
    this.#pump();
  }

  #wake(): void {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  /** Sends what there is, in the background. A loss of the connection is seen where it is read. */
  #pump(): void {
    if (this.#connection === undefined || this.#sending) return;
    this.#sending = true;
    const connection = this.#connection;
    const sending = this.#plain ? this.#sendPlain(connection) : this.#sendFrames(connection);
    sending.catch(() => {}).finally(() => {
      this.#sending = false;
      // what came while the last send was under way
      if (this.#connection !== undefined && this.#unsent) this.#pump();
    });
  }

  /** Whether there is something that may be sent now. */
  get #unsent(): boolean {
    if (this.#sent < this.#buffer.next) {
      return this.#inFlight === 0 || this.#inFlight < this.#window;
    }
    return this.#ending !== undefined && !this.#endSent;
  }

  async #sendFrames(connection: Connection): Promise<void> {
    while (this.#connection === connection && this.#unsent) {
      const batch = this.#buffer.frameAt(this.#sent, this.#window);
      if (batch === undefined) {
        this.#endSent = true;
        const end = { type: "end", next: this.#buffer.next, ...this.#ending };
        await connection.send(JSON.stringify(end));
      } else {
        const bytes = batch.frame.length - SEQ_BYTES;
        this.#sent = batch.next;
        this.#inFlight += bytes;
        this.#flying.push({ next: batch.next, bytes });
        const sending = connection.send(batch.frame);
        if (sending !== undefined) await sending;
      }
    }
  }

  async #servePlain(connection: Connection): Promise<void> {
    this.#plain = true;
    this.#window = Infinity;
    this.#standing(connection);
    this.#pump();
    const closing = await connection.closed;
    // the relay answers the close frame after it has read everything before it
    if (!this.#endSent || closing.code !== 1000) throw closingError(closing, "unreachable");
  }

  async #sendPlain(connection: Connection): Promise<void> {
    while (this.#connection === connection && this.#unsent) {
      const batch = this.#buffer.frameAt(this.#sent);
      if (batch === undefined) {
        this.#endSent = true;
        return void connection.close();
      }
      const lines = new TextDecoder().decode(batch.frame.subarray(SEQ_BYTES));
      for (const line of lines.slice(0, -1).split("\n")) {
        const sending = connection.send(line);
        if (sending !== undefined) await sending;
      }
      this.#sent = batch.next;
      this.#buffer.acknowledge(batch.next); // as far as can be known here
      this.#wake();
    }
  }

  #fail(error: RelayError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#connected.reject(error);
    this.#finished.reject(error);
    this.#connection = undefined;
    this.#abort.abort();
    this.#wake();
  }
}

/** A failure that nobody expected is a bug, of ours or of a callback. */
function asRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("internal", "The sending failed", { cause: error });
}
