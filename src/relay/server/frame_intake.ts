/**
 * The receiving side of a client's socket.
 *
 * @module
 */

import { FrameDecoder, type FrameSink } from "../../protocol/frame_decoder.ts";
import type { Rate } from "../rate.ts";
import { freeFrame } from "./free_frame.ts";
import { type Source, Throttle } from "./throttle.ts";

/** Who gets what is read. */
export interface IntakeOwner extends FrameSink {
  /** All that was read in one go has been handed on. */
  flushed(): void;
  /** What was read is no message, or not allowed: nothing further can be made out. */
  faulty(error: unknown): void;
}

/** Options of {@linkcode FrameIntake}. */
export interface FrameIntakeOptions {
  readonly clock: { readonly now: number };
  readonly maxMessageBytes: number;
}

/** Reads a socket's frames, when they may be read: not before a verdict, and not faster than a rate. */
export class FrameIntake {
  /** Makes messages of bytes. */
  readonly decoder: FrameDecoder;
  /** When the peer last sent anything, or was last kept from it, ms. */
  heardAt: number;

  readonly #socket: Source;
  readonly #owner: IntakeOwner;
  readonly #clock: { readonly now: number };
  /** Whether nothing is read until a verdict is there. */
  #held = false;
  #decoding = false;
  /** Whether the decoder was stopped because of a debt. */
  #keptBack = false;
  #throttle: Throttle | undefined;

  constructor(socket: Source, owner: IntakeOwner, { clock, maxMessageBytes }: FrameIntakeOptions) {
    this.#socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.heardAt = clock.now;
    this.decoder = new FrameDecoder(owner, maxMessageBytes);
  }

  /** Whether there is a rate to keep to. */
  get limited(): boolean {
    return this.#throttle !== undefined;
  }

  /** Whether the peer cannot be heard, as it is kept to its rate. */
  get throttled(): boolean {
    return this.#throttle?.paused === true;
  }

  /** Takes what was read; nothing of `chunk` is kept, and it is written over. */
  take(chunk: Uint8Array): void {
    this.heardAt = this.#clock.now;
    if (this.#throttle !== undefined) return this.#throttle.take(chunk);
    this.#decode(chunk);
  }

  /** Reads nothing, and hands nothing on of what was read, until `verdict` is there. The decoder must be in `single` mode. */
  hold(verdict: Promise<void>): void {
    this.#held = true;
    this.decoder.hold();
    this.#socket.pause();
    void verdict.then(() => this.#release());
  }

  /**
   * Keeps what is read to `rate`; so, too, what came along with what is being decoded. Where `texts` are control messages
   * they need not wait.
   */
  throttle(rate: Rate, { texts }: { texts: "control" | "data" }): void {
    const free = (bytes: Uint8Array) =>
      // in the middle of a message there is no frame to be seen
      this.decoder.bufferedBytes > 0 ? 0 : freeFrame(bytes, { texts: texts === "control" });
    this.#throttle = new Throttle({
      source: { pause: () => this.#socket.pause(), resume: () => this.#readOn() },
      rate,
      feed: (bytes) => this.#decode(bytes),
      free,
    });
    if (!this.#decoding || rate.waitMs(performance.now()) === 0) return;
    this.decoder.hold();
    this.#keptBack = true;
  }

  /** So many messages, and bytes, were in what came; see {@linkcode FrameIntake.limited}. */
  spend(messages: number, bytes: number): void {
    this.#throttle?.spend(messages, bytes);
  }

  /** Nothing of what comes is of interest but the peer's goodbye, for which nothing waits. */
  ending(): void {
    this.#throttle?.release();
  }

  /** The connection is over. */
  drop(): void {
    this.#throttle?.drop();
  }

  /** Takes `bytes`, or what the decoder has kept. */
  #decode(bytes?: Uint8Array): void {
    let fault: unknown;
    this.#decoding = true;
    try {
      if (bytes === undefined) this.decoder.release();
      else this.decoder.feed(bytes);
    } catch (error) {
      fault = error;
    }
    this.#decoding = false;
    this.#owner.flushed(); // also what came before a fault
    if (fault !== undefined) this.#owner.faulty(fault);
    if (!this.#keptBack) return;
    this.#keptBack = false;
    this.#decodeKept();
  }

  /** Takes what the decoder has kept, when the producer's rate allows. */
  #decodeKept(): void {
    if (this.#throttle === undefined || this.decoder.bufferedBytes === 0) return this.#decode();
    this.#throttle.begin(() => this.#decode());
  }

  /** Reads on after a {@linkcode hold}. */
  #release(): void {
    this.#held = false;
    this.#decodeKept();
    if (!this.throttled) this.#readOn();
  }

  #readOn(): void {
    this.heardAt = this.#clock.now; // it could not be heard before
    if (!this.#held) this.#socket.resume();
  }
}
