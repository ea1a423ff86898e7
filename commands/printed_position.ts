/**
 * How far a stream is printed, for the next run.
 *
 * @module
 */

import type { Position } from "../src/protocol/position.ts";
import type { Output } from "./output.ts";
import type { PositionFile } from "./position_file.ts";

/** Positions kept at a time until stdout has taken what is before them. */
const MOST_MARKS = 1_000;

/**
 * Remembers in a file up to where everything is printed: what was handed to stdout and not taken is printed by the next
 * run.
 *
 * @example
 * ```ts
 * import { PrintedPosition } from "./printed_position.ts";
 * import assert from "node:assert/strict";
 *
 * const saved: number[] = [];
 * const file = { due: false, reached: ({ seq }: { seq: number }) => saved.push(seq), save: async () => {} };
 * const output = { accepted: 5, written: 0, flush: async () => {} };
 * const printed = new PrintedPosition(file, output);
 * await printed.reached({ epoch: "e", seq: 1 }, false); // after 5 bytes
 * output.accepted = 9;
 * await printed.reached({ epoch: "e", seq: 2 }, false); // after 9 bytes
 * output.written = 7;
 * await printed.save();
 * assert.deepEqual(saved, [1]);
 * ```
 */
export class PrintedPosition {
  readonly #file: Pick<PositionFile, "due" | "reached" | "save">;
  readonly #output: Pick<Output, "accepted" | "written" | "flush">;
  readonly #collect: boolean;
  /** Positions, and how much of stdout comes before each. */
  readonly #marks: { at: number; position: Position; complete: boolean }[] = [];

  /** With `collect` all is handed to `output` at the end alone (default false). */
  constructor(
    file: Pick<PositionFile, "due" | "reached" | "save">,
    output: Pick<Output, "accepted" | "written" | "flush">,
    { collect = false } = {},
  ) {
    this.#file = file;
    this.#output = output;
    this.#collect = collect;
  }

  /**
   * What `output` has accepted by now is all before `position`; `complete`: the run ends there. Now and then waits for
   * stdout and writes the file.
   *
   * @throws {RelayError} where stdout or the file cannot be written to.
   */
  async reached(position: Position, complete: boolean): Promise<void> {
    if (this.#collect) this.#marks.length = 0; // all is printed at the end
    this.#marks.push({ at: this.#output.accepted, position, complete });
    if (this.#collect || !this.#file.due && this.#marks.length < MOST_MARKS) return;
    await this.save(); // stdout may take nothing more for long
    await this.#output.flush();
    await this.save();
  }

  /**
   * Writes the position up to which everything is printed.
   *
   * @throws {RelayError} `usage` where the file cannot be written to.
   */
  async save(): Promise<void> {
    const { written, accepted } = this.#output;
    const collecting = this.#collect && written < accepted;
    const printed = this.#marks.findLastIndex(({ at }) => !collecting && at <= written);
    if (printed < 0) return;
    const { position, complete } = this.#marks[printed];
    this.#marks.splice(0, printed + 1);
    this.#file.reached(position, complete);
    await this.#file.save();
  }
}
