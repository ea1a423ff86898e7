/**
 * What a machine does altogether.
 *
 * @module
 */

/** Of the scheduler: what /proc counts in, per second. */
const TICKS = 100;

/**
 * CPU time that this machine has spent on anything since its start, over all cores, s, to 10 ms; what a host took from a
 * virtual machine counts, too. `undefined` where the system does not tell.
 *
 * @example
 * ```ts
 * import { busySeconds } from "./machine_time.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(busySeconds() !== undefined, Deno.build.os === "linux");
 * ```
 */
export function busySeconds(): number | undefined {
  try {
    const [line] = Deno.readTextFileSync("/proc/stat").split("\n", 1);
    const [, user, nice, system, _idle, _wait, irq, softirq, steal] = line.split(/\s+/).map(Number);
    return (user + nice + system + irq + softirq + steal) / TICKS;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // not Linux
    if (error instanceof Deno.errors.NotCapable) return undefined; // run without --allow-all
    throw error;
  }
}
