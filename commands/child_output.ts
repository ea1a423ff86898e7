/**
 * What a command writes, up to its end.
 *
 * @module
 */

/** The most that a pipe holds (/proc/sys/fs/pipe-max-size), bytes. */
const PIPE_BYTES = 1024 * 1024;
/** Looks taken within `drainMs`: while this program is stopped, and hears nothing, at most one of them passes. */
const DRAIN_TICKS = 10;

/**
 * The output of a command, which ends even where processes in the background keep it open: what the command wrote before
 * its end is read however long that takes, what they write after it for `drainMs` of waiting in all, or a pipe's worth.
 *
 * @example
 * ```ts
 * import { ChildOutput } from "./child_output.ts";
 * import assert from "node:assert/strict";
 *
 * const output = new ChildOutput(ReadableStream.from([Uint8Array.of(1, 2)]), 1_000);
 * assert.deepEqual(await new Response(output.stream).bytes(), Uint8Array.of(1, 2));
 * assert.equal(output.cutOff, false);
 *
 * const open = new ChildOutput(new ReadableStream(), 10); // nothing comes, and no end
 * open.drain();
 * assert.equal(await new Response(open.stream).text(), "");
 * assert.equal(open.cutOff, true);
 * ```
 */
export class ChildOutput {
  /** What is written; nothing is read ahead. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether it was ended while another process had it open still. */
  cutOff = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #drainMs: number;
  #reading = false;
  #over = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Ticks since the command ended, and those of them that passed while a read waited. */
  #ticks = 0;
  #silent = 0;
  /** Bytes read later than `drainMs` after the command's end. */
  #late = 0;

  /** Reads `source`; from {@linkcode drain} on it waits `drainMs` in all, ms. */
  constructor(source: ReadableStream<Uint8Array>, drainMs: number) {
    this.#reader = source.getReader();
    this.#drainMs = drainMs;
    this.stream = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }

  /** The command has ended. */
  drain(): void {
    if (this.#over) return;
    this.#timer = setInterval(() => {
      this.#ticks++;
      if (!this.#reading || ++this.#silent < DRAIN_TICKS) return;
      this.cutOff = true;
      void this.cancel();
    }, this.#drainMs / DRAIN_TICKS);
  }

  /** Reads no more; a read that waits finds the end. */
  async cancel(): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    await this.#reader.cancel();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#reading = true;
    const { value, done } = await this.#reader.read();
    this.#reading = false;
    // a process in the background that never stops writing never lets a read wait
    if (!done && this.#ticks >= DRAIN_TICKS) this.#late += value.length;
    if (!done && this.#late <= PIPE_BYTES) return controller.enqueue(value);
    if (!done) this.cutOff = true;
    await this.cancel();
    controller.close();
  }
}
