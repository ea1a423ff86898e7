/// <reference lib="dom" />
/**
 * A page's way from the relay, which survives the loss of connections and of relays: the browser's counterpart of the
 * consumer's downlink, on the same protocol, positions and keys.
 *
 * @module
 */

import { Backoff, pause } from "../client/backoff.ts";
import { MessageReader } from "../client/message_reader.ts";
import { isTransient } from "../client/transient.ts";
import { RelayError } from "../errors.ts";
import {
  type ChannelState,
  type EndDetails,
  type EndStatus,
  parseToConsumer,
  type ToConsumer,
} from "../protocol/control.ts";
import { decodeDataFrame } from "../protocol/data_frame.ts";
import type { Message } from "../protocol/message.ts";
import { formatPosition, isPlainEpoch, type Position } from "../protocol/position.ts";
import { BrowserSocket } from "./browser_socket.ts";

/** What a channel has for its page, in order. */
export type LinkEvent =
  /** Messages; `position` is that of the message after them. */
  | {
    readonly kind: "messages";
    readonly messages: readonly Message[];
    readonly position: Position;
  }
  /** A run begins to be read, or goes on after a reconnect, at message `from` of `next` that exist. */
  | {
    readonly kind: "begin";
    readonly restart: boolean;
    readonly from: number;
    readonly next: number;
  }
  /** Messages `from` to `to`, that one not included, are no longer retained. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number }
  /** The producer: awaited, there, away (it may come back), at its end. */
  | { readonly kind: "producer"; readonly state: ChannelState }
  /** The relay cannot be reached: the next attempt is in `retryMs`, or, without that, when the reader wants one. */
  | { readonly kind: "away"; readonly error: RelayError; readonly retryMs?: number }
  /** The relay says that the run has ended. */
  | { readonly kind: "end"; readonly status: EndStatus } & EndDetails;

/** Options of {@linkcode BrowserLink}. */
export interface BrowserLinkOptions {
  readonly channel: string;
  /** Where the channel is read. */
  readonly url: URL;
  /** With it, plaintext is refused (default none). */
  readonly key?: string;
  /** Shown to the relay in the hello (default none). */
  readonly token?: string;
  /** Shown with the token: the nonce of `src/protocol/holder.ts` (default none). */
  readonly holder?: string;
  /** How long an absent relay is tried again, ms (default 600,000); then only on {@linkcode BrowserLink.retryNow}. */
  readonly giveUpMs?: number;
  /** Stops reading when aborted. */
  readonly signal: AbortSignal;
}

const GIVE_UP_MS = 600_000;
/** The longest that a timer can wait, ms (25 days). */
const LONGEST_MS = 2 ** 31 - 1;
/** Bytes of lines read in one go, so that what comes in a large frame does not hold up the page. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads one channel. Nothing is handed out twice, and nothing that is missing goes without a word. */
export class BrowserLink {
  readonly #options: BrowserLinkOptions;
  #reader!: MessageReader;
  #socket: BrowserSocket | undefined;
  #retry: AbortController | undefined;
  /** The run being read, and the message of it that comes next. */
  #epoch: string | undefined;
  #next = 0;

  constructor(options: BrowserLinkOptions) {
    this.#options = options;
  }

  /** The network is back, or the page is, or its reader says so: where a connection is awaited, it is tried now. */
  retryNow(): void {
    this.#retry?.abort(RETRY_NOW);
  }

  /** The network is gone: no browser tells a page that its connection is dead, which may otherwise take minutes to show. */
  distrust(): void {
    this.#socket?.close();
  }

  /**
   * All that comes, up to the end of the run.
   *
   * @throws {RelayError} why nothing comes any more: `unauthorized`, `integrity`, `limit` …
   */
  async *events(): AsyncGenerator<LinkEvent, void, undefined> {
    const { channel, key, giveUpMs = GIVE_UP_MS, signal } = this.#options;
    this.#reader = await MessageReader.create(channel, key);
    const backoff = new Backoff();
    let awaySince: number | undefined;
    for (;;) {
      try {
        for await (const event of this.#connection()) {
          awaySince = undefined;
          if (event.kind === "messages") backoff.reset(); // a welcome alone is no progress
          yield event;
          if (event.kind === "end") return;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (this.#socket?.overrun) continue;
        const now = performance.now();
        awaySince ??= now;
        if (!isTransient(error)) throw error;
        const retryMs = now - awaySince > giveUpMs ? undefined : backoff.next();
        yield { kind: "away", error, retryMs };
        await this.#pause(retryMs);
      } finally {
        this.#socket?.close();
        this.#socket = undefined;
      }
    }
  }

  async #pause(ms = LONGEST_MS): Promise<void> {
    this.#retry = new AbortController();
    try {
      await pause(ms, AbortSignal.any([this.#options.signal, this.#retry.signal]));
    } catch (reason) {
      if (reason !== RETRY_NOW) throw reason;
    } finally {
      this.#retry = undefined;
    }
  }

  /** What comes on one connection. */
  async *#connection(): AsyncGenerator<LinkEvent, never, undefined> {
    const { url, token: credential, holder, signal } = this.#options;
    const socket = this.#socket = await BrowserSocket.open(url, signal);
    const close = () => socket.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      const position = this.#epoch === undefined ? undefined : formatPosition(this.#position);
      const hello = { type: "hello", role: "consume", position, restart: true } as const;
      socket.send({ ...hello, credential, holder });
      for (;;) {
        const data = await socket.receive();
        if (typeof data === "string") yield this.#control(parseToConsumer(data));
        else yield* this.#data(data);
      }
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  get #position(): Position {
    return { epoch: this.#epoch!, seq: this.#next };
  }

  async *#data(bytes: Uint8Array): AsyncGenerator<LinkEvent, void, undefined> {
    const { seq, lines } = decodeDataFrame(bytes);
    if (this.#epoch === undefined) throw broken("sent data before it said of which run");
    if (seq !== this.#next) throw broken(`sent message ${seq} where ${this.#next} was to come`);
    for (const piece of pieces(lines)) {
      const { messages, fault } = await this.#reader.lines(decoder.decode(piece));
      this.#next += messages.length;
      if (messages.length > 0) yield { kind: "messages", messages, position: this.#position };
      if (fault !== undefined) throw fault;
    }
  }

  #control(message: ToConsumer): LinkEvent {
    switch (message.type) {
      case "welcome":
      case "producer":
        return { kind: "producer", state: message.state };
      case "begin":
      case "restart":
        return this.#begin(message);
      case "gap":
        if (message.from !== this.#next || message.to <= message.from) {
          throw broken("states a gap where there is none");
        }
        this.#reader.skipTo(message.to);
        this.#next = message.to;
        return { kind: "gap", from: message.from, to: message.to };
      case "end": {
        const { type: _, next, ...end } = message;
        if (next !== this.#next) {
          throw broken(`ended the run at message ${next}, not ${this.#next}`);
        }
        return { kind: "end", ...end };
      }
      case "cancelling":
        throw broken("answers what it was not asked");
    }
  }

  #begin(
    { type, epoch, from, next }: ToConsumer & { type: "begin" | "restart" },
  ): LinkEvent {
    const restart = type === "restart";
    const known = !restart && this.#epoch !== undefined;
    const asked = known ? epoch === this.#epoch && from === this.#next : from === 0;
    if (!asked || restart && epoch === this.#epoch) {
      throw broken("begins elsewhere than it was asked to");
    }
    // a plain producer does not know the epoch that the relay gave its run
    this.#reader.expect(isPlainEpoch(epoch) ? undefined : epoch, from);
    this.#epoch = epoch;
    this.#next = from;
    return { kind: "begin", restart, from, next };
  }
}

const RETRY_NOW = Symbol("retry now");

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

/** A relay that does not keep to the protocol cannot be trusted to be complete. */
function broken(what: string): RelayError {
  return new RelayError("incomplete", `The relay ${what}`);
}
