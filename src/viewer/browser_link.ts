/// <reference lib="dom" />
/**
 * A page's way from the relay, which survives the loss of connections and of relays: the browser's counterpart of the
 * consumer's downlink, on the same protocol, positions and keys.
 *
 * @module
 */

import { Absence } from "../client/absence.ts";
import { pause } from "../client/backoff.ts";
import { MessageReader } from "../client/message_reader.ts";
import type { StreamEvent } from "../client/stream_event.ts";
import { broken, StreamReader } from "../client/stream_reader.ts";
import { isTransient } from "../client/transient.ts";
import type { RelayError } from "../errors.ts";
import { parseToConsumer } from "../protocol/relay_control.ts";
import { BrowserSocket } from "./browser_socket.ts";

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
  /** Time for the relay to answer a hello, ms (default 9,000): less than a relay waits for one. */
  readonly welcomeTimeoutMs?: number;
  /** Stops reading when aborted. */
  readonly signal: AbortSignal;
}

const GIVE_UP_MS = 600_000;
const WELCOME_TIMEOUT_MS = 9_000;
/** The longest that a timer can wait, ms (25 days). */
const LONGEST_MS = 2 ** 31 - 1;
const RETRY_NOW = Symbol("retry now");

/** Reads one channel, over as many connections as it takes. */
export class BrowserLink {
  readonly #options: BrowserLinkOptions;
  readonly #absence: Absence;
  #reader: StreamReader | undefined;
  #socket: BrowserSocket | undefined;
  #retry: AbortController | undefined;
  /** Decided with the failure that is told: the time may be up between the telling and the waiting. */
  #resting = false;

  constructor(options: BrowserLinkOptions) {
    this.#options = options;
    this.#absence = new Absence(options.giveUpMs ?? GIVE_UP_MS);
  }

  /** How many messages of the run there were when the connection stood. */
  get existing(): number {
    return this.#reader?.existing ?? 0;
  }

  /** Whether the relay was away for so long that it is tried again only when {@linkcode BrowserLink.retryNow} is called. */
  get resting(): boolean {
    return this.#resting;
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
  async *events(): AsyncGenerator<StreamEvent, void, undefined> {
    const { channel, key } = this.#options;
    const messages = await MessageReader.create(channel, key);
    const reader = new StreamReader({ messages, from: "start", followRestart: true });
    this.#reader = reader;
    for (;;) {
      try {
        for await (const event of this.#connected(reader)) {
          yield event;
          if (event.kind === "end") return;
        }
      } catch (error) {
        const failure = this.#passing(error);
        yield { kind: "relay", state: "away", error: failure };
        await this.#pause();
      }
    }
  }

  /** `error`, where another connection may do better; throws it where none is worth a try. */
  #passing(error: unknown): RelayError {
    this.#options.signal.throwIfAborted();
    this.#absence.begin();
    if (!isTransient(error)) throw error;
    this.#resting = this.#absence.leftMs === 0;
    return error;
  }

  async #pause(): Promise<void> {
    this.#retry = new AbortController();
    try {
      const signal = AbortSignal.any([this.#options.signal, this.#retry.signal]);
      await (this.#resting ? pause(LONGEST_MS, signal) : this.#absence.pause(signal));
    } catch (reason) {
      if (reason !== RETRY_NOW) throw reason;
    } finally {
      this.#retry = undefined;
    }
  }

  /** What comes on one connection. Ends where that was given up because the page is slower: the next one goes on there. */
  async *#connected(reader: StreamReader): AsyncGenerator<StreamEvent, void, undefined> {
    const { url, token: credential, holder, signal } = this.#options;
    const socket = this.#socket = await BrowserSocket.open(url, signal);
    const close = () => socket.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      signal.throwIfAborted(); // it may have been while nobody listened
      socket.send({
        type: "hello",
        role: "consume",
        position: reader.wish,
        restart: true,
        credential,
        holder,
      });
      yield* this.#read(socket, reader);
    } catch (error) {
      if (!socket.overrun) throw error;
    } finally {
      signal.removeEventListener("abort", close);
      socket.close();
      this.#socket = undefined;
    }
  }

  async *#read(socket: BrowserSocket, reader: StreamReader): AsyncGenerator<StreamEvent, never> {
    for (let data = await this.#firstWord(socket);; data = await socket.receive()) {
      this.#absence.end();
      if (typeof data === "string") {
        const event = reader.control(parseToConsumer(data));
        if (event.kind === "cancelling") throw broken("answers what it was not asked");
        yield event;
      } else {
        this.#absence.progressed();
        yield* reader.data(data);
      }
    }
  }

  /** What the relay answers to the hello. One that takes too long is no relay any more, and no ping of a page would tell. */
  async #firstWord(socket: BrowserSocket): Promise<string | Uint8Array> {
    const timer = setTimeout(
      () => socket.close(),
      this.#options.welcomeTimeoutMs ?? WELCOME_TIMEOUT_MS,
    );
    try {
      return await socket.receive();
    } finally {
      clearTimeout(timer);
    }
  }
}
