/**
 * What `streamrelay bench load` does.
 *
 * @module
 */

import { clockResolutionMs } from "../src/bench/clock.ts";
import { type LoadProgress, measureLoad } from "../src/bench/load.ts";
import { checkOpenFiles, processesFor } from "../src/bench/load_plan.ts";
import { thisMachine } from "../src/bench/machine.ts";
import { ProcessUsage } from "../src/bench/process_usage.ts";
import { checkRoom, checkSize, doorsFor, roomFor, roomNotes } from "../src/bench/relay_room.ts";
import {
  type LoadResult,
  type LoadSettings,
  type RelayUnderTest,
  RESULT_VERSION,
  type ResultHead,
} from "../src/bench/result.ts";
import { isFaulty } from "../src/bench/verifier.ts";
import type { LogLevel } from "../src/bench/worker_job.ts";
import { RelayError } from "../src/errors.ts";
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

/** Exit code where a process of the load has died: what is printed is not the whole. */
const BROKEN = 70;

/** Options of {@linkcode benchLoad}. */
export interface BenchLoadOptions extends TargetOptions, OutputOptions {
  readonly warmUp: number;
  readonly relayPid?: number;
  readonly logLevel?: LogLevel;
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
  checkRelayPid(options);
  const settings = planned(asked, options.url === undefined);
  const startedAt = new Date();
  try {
    const { result, died } = await measured(settings, { ...options, startedAt, signal });
    clearStatus();
    await deliver(result, options);
    if (died) throw new ExitCode(BROKEN);
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
  checkSize(plan, own);
  checkOpenFiles(plan, own);
  return plan;
}

/** @throws {RelayError} `usage` for a process that cannot be watched. */
export function checkRelayPid({ url, relayPid }: BenchLoadOptions): void {
  if (relayPid === undefined) return;
  if (url === undefined) {
    throw new RelayError("usage", "--relay-pid goes with --url: the bench knows its own relay");
  }
  if (Deno.build.os === "linux" && new ProcessUsage(relayPid).read() === undefined) {
    throw new RelayError("usage", `--relay-pid ${relayPid}: there is no such process here`);
  }
}

async function measured(
  settings: LoadSettings,
  options: BenchLoadOptions & { startedAt: Date; signal: AbortSignal },
): Promise<{ result: LoadResult; died: boolean }> {
  const { startedAt, signal, warmUp: warmUpMs, relayPid, source, logLevel } = options;
  status(progressLine({ step: "looking for the relay" }, terminalColumns()));
  const room = options.url === undefined ? roomFor(settings, warmUpMs) : undefined;
  if (room !== undefined) checkRoom(room, Deno.systemMemoryInfo().available);
  await using target = await openTarget(options, {
    source,
    signal,
    room,
    doors: doorsFor(settings),
  });
  const { relayShare: _, clientShare: __, others: ___, died = [], notes, ...figures } =
    await measureLoad({
      settings,
      warmUpMs,
      target: { pid: relayPid, ...target },
      program: ownProgram(),
      logLevel,
      signal,
      onProgress: showProgress,
    });
  const result = {
    ...headOf(target.relay, startedAt),
    ...figures,
    notes: [...notes, ...room ? roomNotes(room) : []],
  };
  return { result, died: died.length > 0 };
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
