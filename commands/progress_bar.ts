/**
 * How far a job has come, on a terminal.
 *
 * @module
 */

import type { Progress } from "../src/protocol/message.ts";

const CELLS = 24;
/** Columns of a terminal that does not tell. */
const USUAL_COLUMNS = 80;

/**
 * A line of at most `columns - 1` characters, so that it does not wrap: a bar, the percentage and the step, as far as they
 * are known.
 *
 * @example
 * ```ts
 * import { progressLine } from "./progress_bar.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(progressLine({ percent: 50, step: "epoch 2" }), "[############------------]  50 % epoch 2");
 * ```
 */
export function progressLine({ percent, step = "" }: Progress, columns = USUAL_COLUMNS): string {
  const bar = percent === undefined
    ? "…"
    : `${barOf(percent)} ${String(Math.floor(percent)).padStart(3)} %`;
  return [...`${bar} ${step}`.trimEnd()].slice(0, Math.max(1, columns - 1)).join("");
}

function barOf(percent: number): string {
  const done = Math.floor(percent / 100 * CELLS);
  return `[${"#".repeat(done)}${"-".repeat(CELLS - done)}]`;
}
