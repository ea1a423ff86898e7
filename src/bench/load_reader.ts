/**
 * One consumer of the load.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { Endpoints, Receiver } from "./endpoints.ts";
import type { Stamp } from "./stamp.ts";
import { Verifier } from "./verifier.ts";

/** What a {@linkcode LoadReader} tells. */
export interface ReaderEvents {
  /** The message that was to come next is there, as it was sent. */
  received(seq: number, sentMs: number): void;
  /** Its stream has not ended well. */
  failed(error: RelayError): void;
}

/** Options of {@linkcode LoadReader}. */
export interface ReaderOptions {
  readonly channel: { readonly id: string; readonly index: number };
  readonly stamp: Stamp;
  /** Reads so many messages at a time and then none until {@linkcode LoadReader.turn}; it is told of no lateness. */
  readonly slow?: number;
  readonly events: ReaderEvents;
}

/** Receives and verifies one channel. */
export class LoadReader {
  readonly verifier: Verifier;
  readonly slow: boolean;
  readonly channel: number;
  /** Resolves when its stream has ended, well or not. */
  readonly ended: Promise<void>;
  readonly #options: ReaderOptions;
  readonly #ended = Promise.withResolvers<void>();
  #receiver: Receiver | undefined;
  #budget: number;

  constructor(options: ReaderOptions) {
    const { channel: { index }, stamp, slow = Infinity } = options;
    this.#options = options;
    this.verifier = new Verifier(stamp, index);
    this.slow = slow !== Infinity;
    this.channel = index;
    this.ended = this.#ended.promise;
    this.#budget = slow;
  }

  /** Whether its stream has ended. */
  over = false;
  /** Whether it was let in. */
  isOpen = false;
  /** When it began to connect, by `performance.now()`. */
  openedAt = 0;

  /** Connects. */
  async open(endpoints: Endpoints): Promise<void> {
    const { channel, stamp, events } = this.#options;
    this.openedAt = performance.now();
    this.#receiver = await endpoints.receiver(channel.id, {
      content: (bytes, from, to) => {
        const seq = this.verifier.take(bytes, from, to);
        if (seq >= 0) events.received(seq, stamp.sentMsOf(bytes, from));
        if (--this.#budget === 0) this.#receiver?.pause();
      },
      gap: (next) => this.verifier.skipTo(next),
      ended: (error) => {
        this.over = true;
        this.#end(error);
        this.#ended.resolve();
      },
    });
    this.isOpen = true;
  }

  /** A slow one reads some more. */
  turn(): void {
    this.#budget = this.#options.slow ?? Infinity;
    this.#receiver?.resume();
  }

  /** It is slow no longer. */
  hurry(): void {
    this.#budget = Infinity;
    this.#receiver?.resume();
  }

  close(): void {
    this.#receiver?.close();
  }

  #end(error: RelayError | undefined): void {
    if (error === undefined) return;
    // a slow one that was cut off was told what became of it
    if (this.slow && error.code === "too_slow") return this.verifier.cutOff();
    if (error.code === "integrity") this.verifier.distrust();
    else this.verifier.break();
    this.#options.events.failed(error);
  }
}
