/**
 * A consumer's way from the relay, which survives the loss of connections and of relays.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { parseToConsumer, type ToConsumer } from "../protocol/control.ts";
import { decodeDataFrame } from "../protocol/data_frame.ts";
import { newHolder } from "../protocol/holder.ts";
import { TokenText } from "../protocol/token_text.ts";
import { formatPosition, isPlainEpoch, type Position } from "../protocol/position.ts";
import { Backoff, pause } from "./backoff.ts";
import { closingError, Connection } from "./connection.ts";
import type { MessageReader, Reading } from "./message_reader.ts";
import type { StreamEvent } from "./stream_event.ts";
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

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads one channel. Nothing is handed out twice, and nothing that is missing goes without a word. */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #holder = newHolder();
  #connection: Connection | undefined;
  readonly #tokens: TokenText | undefined;
  #plain = false;
  /** Whether a run began to be read here. */
  #begun = false;
  /** The run being read, and the message of it that comes next. */
  #epoch: string | undefined;
  #next = 0;
  #cancel: { reason: string | undefined } | undefined;

  constructor(options: DownlinkOptions) {
    this.#options = options;
    if (options.asText && !options.reader.opens) this.#tokens = new TokenText();
    if (typeof options.from === "object") {
      this.#epoch = options.from.epoch;
      this.#next = options.from.seq;
      options.reader.seen(options.from.epoch);
    }
  }

  /** The message that is wanted next; `undefined` before a run has begun, and with a plain relay. */
  get position(): Position | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#next };
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
    const { signal, giveUpMs } = this.#options;
    const backoff = new Backoff();
    let awaySince: number | undefined;
    let stood = false;
    for (;;) {
      let connection;
      try {
        connection = this.#connection = await this.#connect();
        if (awaySince !== undefined) yield { kind: "relay", state: "back" };
        awaySince = undefined;
        stood = true;
        this.#plain = !connection.resumable;
        if (this.#plain && this.#begun) throw broken(OTHER_RELAY);
        if (this.#plain) yield* this.#readPlain(connection);
        for await (const event of this.#read(connection)) {
          if (event.kind === "messages" || event.kind === "text") backoff.reset(); // a welcome alone is no progress
          yield event;
        }
      } catch (error) {
        signal.throwIfAborted();
        const now = performance.now();
        const left = (awaySince ?? now) + giveUpMs - now;
        // who never got through is told at once: it may be the wrong address. A limit is one of a relay that is there
        const pointless = !stood && error instanceof RelayError && error.code !== "limit";
        if (!isTransient(error, { stood }) || this.#plain || pointless) throw error;
        if (left <= 0) throw this.#next === 0 ? error : gaveUp(error);
        if (awaySince === undefined) yield { kind: "relay", state: "away", error };
        awaySince ??= now;
        await pause(Math.min(left, backoff.next(error.retryAfterMs)), signal);
      } finally {
        this.#connection = undefined;
        signal.removeEventListener("abort", this.#destroy);
        connection?.destroyUnlessClosing();
      }
    }
  }

  async #connect(): Promise<Connection> {
    const { url, secret, connectTimeoutMs, signal } = this.#options;
    const connection = await Connection.open(url, {
      secret,
      connectTimeoutMs,
      signal,
      resumable: true,
    });
    signal.addEventListener("abort", this.#destroy, { once: true });
    return connection;
  }

  readonly #destroy = (): void => this.#connection?.leave();

  async *#readPlain(connection: Connection): AsyncGenerator<StreamEvent, never, undefined> {
    const { from, reader } = this.#options;
    if (from !== "start") {
      throw new RelayError(
        "usage",
        "This relay speaks the plain protocol (v1): it can only be read from the start",
      );
    }
    reader.expect(undefined, 0);
    for (;;) {
      const data = await connection.receive();
      if (data === undefined) throw closingError(await connection.closed, "incomplete");
      if (typeof data !== "string") throw new RelayError("protocol", "The relay sent binary data");
      yield* handOut(await reader.plain(data));
    }
  }

  async *#read(connection: Connection): AsyncGenerator<StreamEvent, never, undefined> {
    const { from, followRestart: restart } = this.#options;
    const position = this.position;
    await connection.send(JSON.stringify({
      type: "hello",
      role: "consume",
      position: position ? formatPosition(position) : from === "live" ? "live" : undefined,
      restart,
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
      if (typeof data === "string") yield this.#control(parseToConsumer(data));
      else yield* this.#data(data);
    }
  }

  async *#data(bytes: Uint8Array): AsyncGenerator<StreamEvent, void, undefined> {
    const { seq, lines } = decodeDataFrame(bytes);
    if (this.#epoch === undefined) throw broken("sent data before it said of which run");
    if (seq !== this.#next) {
      throw broken(`sent message ${seq} where ${this.#next} was to come, without saying why`);
    }
    for (const piece of pieces(lines)) {
      const run = this.#tokens?.read(piece);
      if (run !== undefined) {
        this.#next += run.count;
        yield { kind: "text", ...run, position: this.position! };
        continue;
      }
      const reading = await this.#options.reader.lines(decoder.decode(piece));
      this.#next += reading.messages.length;
      yield* handOut(reading, this.position);
    }
    // the collector would leave the memory of a fast stream lying about until it happens to run
    if (bytes.byteLength === bytes.buffer.byteLength) (bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** Takes note of a control message. */
  #control(message: ToConsumer): StreamEvent {
    switch (message.type) {
      case "welcome":
      case "producer":
        return { kind: "producer", state: message.state };
      case "begin":
        return this.#begin(message.epoch, message.from);
      case "restart":
        return this.#restart(message.epoch, message.from);
      case "gap":
        return this.#gap(message.from, message.to);
      case "cancelling":
        if (message.reached) this.#cancel = undefined;
        return { kind: "cancelling", reached: message.reached, reason: message.reason };
      case "end": {
        const { type: _, next, ...end } = message;
        // a relay that was restarted, and never had all of it, cannot know
        if (next !== this.#next && end.status !== "expired" && end.status !== "lost") {
          throw broken(`ended the run at message ${next}, not ${this.#next}`);
        }
        return { kind: "end", ...end };
      }
    }
  }

  #begin(epoch: string, from: number): StreamEvent {
    const { from: wish, reader } = this.#options;
    if (
      this.#epoch !== undefined
        ? epoch !== this.#epoch || from !== this.#next
        : wish === "start" && from !== 0
    ) {
      throw broken("begins elsewhere than it was asked to");
    }
    reader.expect(provable(epoch), from);
    this.#begun = true;
    this.#epoch = epoch;
    this.#next = from;
    return { kind: "begin", epoch, from, restart: false };
  }

  #restart(epoch: string, from: number): StreamEvent {
    const { followRestart, reader } = this.#options;
    if (!followRestart || epoch === this.#epoch || from !== 0) {
      throw broken("restarts a run that was not to be restarted");
    }
    reader.expect(provable(epoch), from);
    this.#begun = true;
    this.#epoch = epoch;
    this.#next = from;
    return { kind: "begin", epoch, from, restart: true };
  }

  #gap(from: number, to: number): StreamEvent {
    if (from !== this.#next || to <= from) throw broken("states a gap where there is none");
    this.#options.reader.skipTo(to);
    this.#next = to;
    return { kind: "gap", from, to };
  }

  #sendCancel(connection: Connection): void {
    const { reason } = this.#cancel!;
    // a connection that is lost is noticed where it is read
    Promise.resolve(connection.send(JSON.stringify({ type: "cancel", reason }))).catch(() => {});
  }
}

/** Bytes of lines read in one go: what is made of them dies before the next ones come, which keeps the heap small. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Whole lines, in pieces of about the size above. */
function* pieces(lines: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < lines.length;) {
    const to = lines.length - from <= PIECE_BYTES
      ? lines.length
      : lines.indexOf(NEWLINE, from + PIECE_BYTES - 1) + 1;
    yield lines.subarray(from, to);
    from = to;
  }
}

function gaveUp({ message }: RelayError): RelayError {
  return new RelayError(
    "incomplete",
    `The stream is incomplete, as the relay stays away: ${message}`,
  );
}

/** The messages that could be read; what is wrong with the next one comes after them. */
function* handOut({ messages, fault }: Reading, position?: Position): Generator<StreamEvent> {
  if (messages.length > 0) yield { kind: "messages", messages, position };
  if (fault !== undefined) throw fault;
}

/** What the sealed messages of a run have as its epoch, where that is known: a plain producer does not know the relay's. */
function provable(epoch: string): string | undefined {
  return isPlainEpoch(epoch) ? undefined : epoch;
}

const OTHER_RELAY = "was replaced by one that speaks the plain protocol (v1) and has no positions";

/** A relay that does not keep to the protocol cannot be trusted to be complete. */
function broken(what: string): RelayError {
  return new RelayError("incomplete", `The relay ${what}`);
}
