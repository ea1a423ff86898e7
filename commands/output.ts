/**
 * stdout, for data.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";

const encoder = new TextEncoder();
/** Characters that wait for stdout at which {@linkcode Output.write} asks to wait. */
const WRITE_AHEAD = 256 * 1024;
/** What a reader of stdout has to take the rest once the command is interrupted, ms: it may have stopped reading. */
const GRACE_MS = 1_000;

/**
 * Writes text to stdout: at once when it is free, else together with what comes meanwhile. When nobody reads it any more
 * (`| head`), or it cannot be written to (a full disk), {@linkcode closed} becomes true and the rest is dropped.
 */
export class Output {
  /** Whether nothing can be written any more. */
  closed = false;
  #failure: RelayError | undefined;
  #pending: (string | Uint8Array)[] = [];
  #size = 0;
  #writing: PromiseWithResolvers<void> | undefined;

  /** When `signal` is aborted, stdout has a second to take what is left. */
  constructor(signal?: AbortSignal) {
    const limit = () => Deno.unrefTimer(setTimeout(() => this.#giveUp(), GRACE_MS));
    signal?.addEventListener("abort", limit, { once: true });
  }

  /** Takes text, or bytes as they are. Returns a promise to wait for where too much has gathered; it never rejects. */
  write(data: string | Uint8Array): Promise<void> | void {
    if (this.closed) return;
    this.#pending.push(data);
    this.#size += data.length;
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

  async #drain(): Promise<void> {
    this.#writing = Promise.withResolvers();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      this.#size = 0;
      await this.#writeAll(joined(batch));
    }
    this.#writing.resolve();
    this.#writing = undefined;
  }

  #giveUp(): void {
    this.closed = true;
    this.#pending = [];
    this.#writing?.resolve();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    } catch (error) {
      this.closed = true;
      this.#pending = [];
      if (error instanceof Deno.errors.BrokenPipe) return; // nobody wants it: no failure
      this.#failure = new RelayError("incomplete", `Cannot write to stdout: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

function joined(batch: (string | Uint8Array)[]): Uint8Array {
  if (batch.every((data) => typeof data === "string")) return encoder.encode(batch.join(""));
  const parts = batch.map((data) => typeof data === "string" ? encoder.encode(data) : data);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
