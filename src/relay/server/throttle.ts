/**
 * Keeps a producer's connection to a rate.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Rate, type RateOptions } from "../rate.ts";

/** Bytes handed on before the rate is looked at again: what a fast producer may be ahead of it. */
const SLICE_BYTES = 4096;

/**
 * Reads a socket no faster than its rate allows. The pause reaches the producer as a full socket, which every client knows:
 * nothing is refused and nothing lost. While it waits there is at most one chunk of the socket here.
 */
export class Throttle {
  readonly #rate: Rate;
  readonly #socket: Socket;
  readonly #feed: (bytes: Uint8Array) => void;
  #rest: Uint8Array = new Uint8Array(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #feeding = false;
  #over = false;

  /** `feed` gets what is read, and calls {@linkcode spend} for the messages in it. */
  constructor(socket: Socket, options: RateOptions, feed: (bytes: Uint8Array) => void) {
    this.#rate = new Rate(options, performance.now());
    this.#socket = socket;
    this.#feed = feed;
  }

  /** Whether the socket is not being read. */
  get paused(): boolean {
    return this.#timer !== undefined;
  }

  /** So much came, of which the bytes may be counted: they are as they come, so a large frame takes its time too. */
  spend(messages: number, bytes: number): void {
    this.#rate.spend(messages, this.#feeding ? 0 : bytes, performance.now());
  }

  /** What came before there was a throttle, or past it, counts too: waits where that was too much. */
  settle(): void {
    const waitMs = this.#rate.waitMs(performance.now());
    if (waitMs > 0 && !this.#over && this.#timer === undefined) this.#pause(waitMs);
  }

  /** Takes what was read. */
  take(chunk: Uint8Array): void {
    // a chunk comes while the socket is paused only where it was in the runtime's hands already
    this.#rest = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    if (this.#timer === undefined) this.#go();
  }

  /** The connection ends: there is nothing to wait for any more, and what is left is not of interest. */
  stop(): void {
    this.#over = true;
    this.#rest = new Uint8Array(0);
    clearTimeout(this.#timer);
    if (this.#timer !== undefined) this.#socket.resume();
    this.#timer = undefined;
  }

  #go(): void {
    while (this.#rest.length > 0) {
      const slice = new Uint8Array(this.#rest.subarray(0, SLICE_BYTES)); // a copy: the decoder writes over it
      this.#rest = this.#rest.subarray(SLICE_BYTES);
      this.#rate.spend(0, slice.length, performance.now());
      this.#feeding = true;
      this.#feed(slice);
      this.#feeding = false;
      const waitMs = this.#over ? 0 : this.#rate.waitMs(performance.now());
      if (waitMs > 0) return this.#pause(waitMs);
    }
  }

  #pause(ms: number): void {
    this.#socket.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go();
      if (this.#timer === undefined) this.#socket.resume();
    }, Math.min(ms, LONGEST_MS));
  }
}

/** No pause is longer, so that a connection's own pings and goodbyes are seen in time, ms. */
const LONGEST_MS = 10_000;

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
