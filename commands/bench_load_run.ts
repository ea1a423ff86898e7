/**
 * What `streamrelay bench load` does.
 *
 * @module
 */

import { clockResolutionMs } from "../src/bench/clock.ts";
import { type LoadProgress, measureLoad } from "../src/bench/load.ts";
import { checkOpenFiles, processesFor } from "../src/bench/load_plan.ts";
import { thisMachine } from "../src/bench/machine.ts";
import { checkRoom, roomFor, roomNotes } from "../src/bench/relay_room.ts";
import {
  type LoadResult,
  type LoadSettings,
  type RelayUnderTest,
  RESULT_VERSION,
  type ResultHead,
} from "../src/bench/result.ts";
import { isFaulty } from "../src/bench/verifier.ts";
import { deliver, type OutputOptions } from "./bench_output.ts";
import { openTarget, type TargetOptions } from "./bench_target.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { ownProgram } from "./own_program.ts";
import { progressLine } from "./progress_bar.ts";
import { shownCommand } from "./shown_command.ts";
import { clearStatus, status, terminalColumns } from "./terminal.ts";

/** Exit code after messages that were lost, doubled, reordered or altered. */
const FAULTY = 1;

/** Options of {@linkcode benchLoad}. */
export interface BenchLoadOptions extends TargetOptions, OutputOptions {
  readonly warmUp: number;
  readonly relayPid?: number;
  readonly source: (name: string) => string | undefined;
}

/**
 * Makes a load, prints what was measured, and ends with 1 after faults and with 130 after a Ctrl-C.
 *
 * @throws {RelayError} where the relay is not there or not to be had, `usage` where the load cannot be made here.
 */
export async function benchLoad(asked: LoadSettings, options: BenchLoadOptions): Promise<void> {
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  const settings = planned(asked, options.url === undefined);
  const startedAt = new Date();
  try {
    const result = await measured(settings, { ...options, startedAt, signal });
    clearStatus();
    await deliver(result, options);
    if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
    if (isFaulty(result.faults)) throw new ExitCode(FAULTY);
  } catch (error) {
    if (interrupt.received === undefined || error !== signal.reason) throw error;
    throw new ExitCode(interrupt.received.exitCode);
  } finally {
    clearStatus();
  }
}

/** Settings with the number of processes, where nobody gave it, and which this machine can do. */
export function planned(settings: LoadSettings, own: boolean): LoadSettings {
  const processes = settings.processes || processesFor(settings, navigator.hardwareConcurrency);
  const plan = { ...settings, processes };
  checkOpenFiles(plan, own);
  return plan;
}

async function measured(
  settings: LoadSettings,
  options: BenchLoadOptions & { startedAt: Date; signal: AbortSignal },
): Promise<LoadResult> {
  const { startedAt, signal, warmUp: warmUpMs, relayPid, source } = options;
  status(progressLine({ step: "looking for the relay" }, terminalColumns()));
  const room = options.url === undefined ? roomFor(settings, warmUpMs) : undefined;
  if (room !== undefined) checkRoom(room, Deno.systemMemoryInfo().available);
  await using target = await openTarget(options, { source, signal, room });
  const { relayShare: _, clientShare: __, notes, ...figures } = await measureLoad({
    settings,
    warmUpMs,
    target: { pid: relayPid, ...target },
    program: ownProgram(),
    signal,
    onProgress: showProgress,
  });
  return {
    ...headOf(target.relay, startedAt),
    ...figures,
    notes: [...notes, ...room ? roomNotes(room) : []],
  };
}

/** What all results say. */
export function headOf(relay: RelayUnderTest, startedAt: Date): ResultHead {
  return {
    version: RESULT_VERSION,
    startedAt: startedAt.toISOString(),
    command: shownCommand(),
    machine: thisMachine(),
    relay,
    clock: { resolutionMs: clockResolutionMs() },
    partial: false,
    notes: [],
  };
}

/** Shows how far a load is. */
export function showProgress({ stage, part }: LoadProgress, prefix = ""): void {
  status(progressLine({ percent: 100 * part, step: `${prefix}${stage}` }, terminalColumns()));
}
