/**
 * The machine that a measurement was made on.
 *
 * @module
 */

import { cpus, release } from "node:os";
import { VERSION } from "../version.ts";
import type { Machine } from "./result.ts";

/**
 * This machine, and the versions of what runs on it. Nothing in it names the machine or its user.
 *
 * @example
 * ```ts
 * import { thisMachine } from "./machine.ts";
 * import assert from "node:assert/strict";
 *
 * assert.ok(thisMachine().cores >= 1);
 * ```
 */
export function thisMachine(): Machine {
  return {
    os: `${Deno.build.os} ${release()} ${Deno.build.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "",
    cores: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    deno: Deno.version.deno,
    streamrelay: VERSION,
  };
}
