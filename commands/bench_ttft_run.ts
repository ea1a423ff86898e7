/**
 * What `streamrelay bench ttft` does.
 *
 * @module
 */

import type { Model } from "../src/bench/model.ts";
import type { ResultHead, TtftResult } from "../src/bench/result.ts";
import type { TtftMeasurement } from "../src/bench/ttft.ts";
import type { BenchTarget } from "./bench_target.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { progressLine } from "./progress_bar.ts";
import { shownCommand } from "./shown_command.ts";
import { clearStatus, complain, status, terminalColumns } from "./terminal.ts";

/** Between two looks at the progress, ms. */
const PROGRESS_MS = 200;

/** What {@linkcode measure} is to do. */
export interface Measuring {
  readonly runs: {
    readonly model: Model;
    readonly runs: number;
    readonly parallel: number;
    readonly encryptionKey?: string;
    readonly echo?: { readonly id: string; readonly timeoutMs: number };
  };
  readonly open: (signal: AbortSignal) => Promise<BenchTarget>;
  readonly deliver: (result: TtftResult) => Promise<void>;
}

/**
 * Measures, and hands out what was measured, whole or not.
 *
 * @throws {RelayError} where it could not be measured to its end.
 * @throws {ExitCode} where it was interrupted, or something came otherwise than it was sent.
 */
export async function measure({ runs, open, deliver }: Measuring): Promise<void> {
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  const startedAt = new Date().toISOString();
  try {
    status("starting …");
    await using target = await open(signal);
    const head = await headOf(target, startedAt);
    const measurement = await measured(runs, target, signal);
    if (measurement.tokens > 0) await deliver({ ...head, ...measurement.result });
    judge(measurement, interrupt);
  } catch (error) {
    if (interrupt.received === undefined || error instanceof ExitCode) throw error;
    throw new ExitCode(interrupt.received.exitCode);
  } finally {
    clearStatus();
  }
}

async function measured(
  runs: Measuring["runs"],
  { url, secret, relay }: BenchTarget,
  signal: AbortSignal,
): Promise<TtftMeasurement> {
  const { measureTtft } = await import("../src/bench/ttft.ts");
  using progress = new ProgressLine(runs.echo?.id);
  const plain = relay.version === undefined; // the Python relay does not say which it is
  const onProgress = (came: number, of: number) => progress.came(came, of);
  return await measureTtft({ ...runs, url, secret, plain, signal, onProgress });
}

/** @throws {ExitCode} where the figures are not those that were asked for. */
function judge({ failure, result, tokens }: TtftMeasurement, interrupt: Interrupt): void {
  if (interrupt.received !== undefined) {
    if (tokens === 0) complain("interrupted before the first token: there is nothing to print");
    throw new ExitCode(interrupt.received.exitCode);
  }
  if (failure !== undefined) throw failure;
  const { faults } = result;
  if (faults === undefined || Object.values(faults).every((count) => count === 0)) return;
  complain("what came is not what was sent: see the faults above");
  throw new ExitCode(1);
}

async function headOf(
  { relay }: BenchTarget,
  startedAt: string,
): Promise<Omit<ResultHead, "partial" | "notes">> {
  const { RESULT_VERSION } = await import("../src/bench/result.ts");
  const { thisMachine } = await import("../src/bench/machine.ts");
  const { clockResolutionMs } = await import("../src/bench/clock.ts");
  return {
    version: RESULT_VERSION,
    startedAt,
    command: shownCommand(),
    machine: thisMachine(),
    relay,
    clock: { resolutionMs: clockResolutionMs() },
  };
}

/** How far it is, on a terminal. */
class ProgressLine implements Disposable {
  #text: string;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(echo: string | undefined) {
    this.#text = echo === undefined
      ? "waiting for the first token … (Ctrl-C to stop)"
      : `waiting for streamrelay bench echo ${echo} on the other host … (Ctrl-C to stop)`;
    status(this.#text);
    this.#timer = setInterval(() => status(this.#text), PROGRESS_MS);
  }

  came(tokens: number, of: number): void {
    const step = `${tokens} of ${of} tokens came`;
    this.#text = progressLine({ percent: 100 * tokens / of, step }, terminalColumns());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    clearStatus();
  }
}
