/**
 * stdout, for data.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";

const encoder = new TextEncoder();
/** Bytes that wait for stdout at which {@linkcode Output.write} asks to wait. */
const WRITE_AHEAD = 256 * 1024;
/** A buffer above this size is not kept, bytes. */
const WORTH_KEEPING = 1024 * 1024;
/** What a reader of stdout has to take the rest once the command is interrupted, ms: it may have stopped reading. */
const GRACE_MS = 1_000;

/**
 * Writes text to stdout: at once when it is free, else together with what comes meanwhile. When nobody reads it any more
 * (`| head`), or it cannot be written to (a full disk), {@linkcode closed} becomes true and the rest is dropped.
 */
export class Output {
  /** Whether nothing can be written any more. */
  closed = false;
  /** Bytes that were handed to {@linkcode write}, and those of them that stdout has taken. */
  accepted = 0;
  written = 0;
  readonly #pieceBytes: number;
  #failure: RelayError | undefined;
  /** What waits; while it is written the other buffer takes what comes. */
  #pending = new Uint8Array(64 * 1024);
  #size = 0;
  #spare = new Uint8Array(0);
  #writing: PromiseWithResolvers<void> | undefined;

  /**
   * When `signal` is aborted, stdout has a second to take what is left. It is written in pieces of at most `pieceBytes`
   * (default: as it comes); a pipe takes pieces of up to 4 KiB whole or not at all (POSIX, write(2)), so what is not in
   * {@linkcode written} then has not been read by anybody.
   */
  constructor(signal?: AbortSignal, { pieceBytes = Infinity } = {}) {
    this.#pieceBytes = pieceBytes;
    const limit = () => Deno.unrefTimer(setTimeout(() => this.#giveUp(), GRACE_MS));
    signal?.addEventListener("abort", limit, { once: true });
  }

  /** Takes text, or bytes as they are, which are copied. Returns a promise to wait for where too much has gathered; it never rejects. */
  write(data: string | Uint8Array): Promise<void> | void {
    if (this.closed || data.length === 0) return;
    const before = this.#size;
    if (typeof data === "string") this.#encode(data);
    else {
      this.#reserve(data.length);
      this.#pending.set(data, this.#size);
      this.#size += data.length;
    }
    this.accepted += this.#size - before;
    if (this.#writing === undefined) void this.#drain();
    if (this.#size > WRITE_AHEAD) return this.#writing!.promise;
  }

  /**
   * Resolves when everything is written, or the reader of stdout has gone.
   *
   * @throws {RelayError} `incomplete` where stdout could not be written to.
   */
  async flush(): Promise<void> {
    await this.#writing?.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #encode(text: string): void {
    this.#reserve(3 * text.length); // the most that UTF-8 needs for a unit of UTF-16
    this.#size += encoder.encodeInto(text, this.#pending.subarray(this.#size)).written;
  }

  #reserve(more: number): void {
    if (this.#pending.length - this.#size >= more) return;
    const larger = new Uint8Array(Math.max(2 * this.#pending.length, this.#size + more));
    larger.set(this.#pending.subarray(0, this.#size));
    this.#pending = larger;
  }

  async #drain(): Promise<void> {
    this.#writing = Promise.withResolvers();
    while (this.#size > 0) {
      const batch = this.#pending;
      const size = this.#size;
      this.#pending = this.#spare;
      this.#size = 0;
      await this.#writeAll(batch.subarray(0, size));
      if (batch.length <= WORTH_KEEPING) this.#spare = batch;
    }
    this.#writing.resolve();
    this.#writing = undefined;
  }

  #giveUp(): void {
    this.closed = true;
    this.#size = 0;
    this.#writing?.resolve();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        const count = await Deno.stdout.write(bytes.subarray(at, at + this.#pieceBytes));
        at += count;
        this.written += count;
      }
    } catch (error) {
      this.closed = true;
      this.#size = 0;
      if (error instanceof Deno.errors.BrokenPipe) return; // nobody wants it: no failure
      this.#failure = new RelayError("incomplete", `Cannot write to stdout: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}
