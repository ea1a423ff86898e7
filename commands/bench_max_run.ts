/**
 * What `streamrelay bench max` does.
 *
 * @module
 */

import { measureMax } from "../src/bench/max_load.ts";
import { doorsFor } from "../src/bench/relay_room.ts";
import type { LoadSettings, MaxResult, RelayUnderTest } from "../src/bench/result.ts";
import {
  type BenchLoadOptions,
  checkRelayPid,
  headOf,
  planned,
  showProgress,
} from "./bench_load_run.ts";
import { deliver } from "./bench_output.ts";
import { type BenchTarget, openTarget } from "./bench_target.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { ownProgram } from "./own_program.ts";
import { clearStatus } from "./terminal.ts";

/** Options of {@linkcode benchMax}. */
export interface BenchMaxOptions extends BenchLoadOptions {
  /** ms. */
  readonly slo: number;
}

/**
 * Searches the largest load, prints what was found, and ends with 130 after a Ctrl-C.
 *
 * @throws {RelayError} where the relay is not there or not to be had.
 */
export async function benchMax(settings: LoadSettings, options: BenchMaxOptions): Promise<void> {
  checkRelayPid(options);
  using interrupt = new Interrupt();
  try {
    const result = await found(settings, { ...options, signal: interrupt.signal });
    clearStatus();
    await deliver(result, options);
  } catch (error) {
    if (interrupt.received === undefined || error !== interrupt.signal.reason) throw error;
  } finally {
    clearStatus();
  }
  if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
}

async function found(
  settings: LoadSettings,
  options: BenchMaxOptions & { signal: AbortSignal },
): Promise<MaxResult> {
  const { signal, source, warmUp: warmUpMs, relayPid: pid, slo: sloMs, url, logLevel } = options;
  const startedAt = new Date();
  let relay: RelayUnderTest | undefined;
  const target = async (step: LoadSettings): Promise<BenchTarget> => {
    const opened = await openTarget(options, { source, signal, doors: doorsFor(step) });
    relay ??= opened.relay;
    return { pid, ...opened };
  };
  const { notes, partial, ...figures } = await measureMax({
    settings,
    warmUpMs,
    sloMs,
    target,
    plan: (step) => planned({ ...step, processes: settings.processes }, url === undefined),
    program: ownProgram(),
    logLevel,
    signal,
    onProgress: (channels, progress) => showProgress(progress, `${channels} channels: `),
  });
  if (relay === undefined) throw signal.reason; // interrupted before there was one to tell of
  return { ...headOf(relay, startedAt), ...figures, notes, partial };
}
