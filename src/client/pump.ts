/**
 * Work that is done in the background, whenever there is some.
 *
 * @module
 */

/** Options of {@linkcode Pump}. */
export interface PumpOptions {
  /** Whether there is something to do now. */
  readonly ready: () => boolean;
  /** Does one piece of it. */
  readonly work: () => Promise<void> | void;
  /** Told why a piece could not be done. No other follows it. */
  readonly failed: (error: unknown) => void;
}

/**
 * Does one piece after the other, never two at a time, as long as there are any. What needs no waiting is done at once,
 * before {@linkcode start} returns.
 *
 * @example
 * ```ts
 * import { Pump } from "./pump.ts";
 * import assert from "node:assert/strict";
 *
 * const [todo, done] = [[1, 2], [] as number[]];
 * const pump = new Pump({
 *   ready: () => todo.length > 0,
 *   work: () => void done.push(todo.shift()!),
 *   failed: assert.ifError,
 * });
 * pump.start();
 * assert.deepEqual(done, [1, 2]);
 * ```
 */
export class Pump {
  readonly #options: PumpOptions;
  #running = false;
  #stopped = false;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** There may be something to do. */
  start(): void {
    if (!this.#running) void this.#run();
  }

  /** Does nothing any more, once the present piece is done. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    const { ready, work, failed } = this.#options;
    this.#running = true;
    try {
      while (!this.#stopped && ready()) {
        const working = work();
        if (working !== undefined) await working;
      }
    } catch (error) {
      this.#stopped = true;
      failed(error);
    } finally {
      this.#running = false;
    }
  }
}
