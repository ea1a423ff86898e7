/**
 * What `streamrelay consume` does.
 *
 * @module
 */

import { type ConsumerOptions, RelayConsumer } from "../src/client/consumer.ts";
import { RelayError } from "../src/errors.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt, type Interrupted } from "./interrupt.ts";
import { PositionFile } from "./position_file.ts";
import { Printer, type PrintOptions } from "./printer.ts";
import { StreamStats } from "./stream_stats.ts";
import { clearStatus, complain, say, status } from "./terminal.ts";

/** Options of {@linkcode consume}. */
export interface ConsumeOptions extends Pick<PrintOptions, "json" | "collect"> {
  readonly consumer: ConsumerOptions;
  /** File that remembers the position. */
  readonly positionFile?: string;
  /** Print counts and times at the end. */
  readonly stats: boolean;
  /** SIGINT asks the producer to stop. */
  readonly cancelOnInterrupt: boolean;
}

/**
 * Prints a channel.
 *
 * @throws {RelayError} where the stream did not end well or is not complete.
 * @throws {ExitCode} where it was interrupted.
 */
export async function consume(options: ConsumeOptions): Promise<void> {
  const { channel, allowGaps } = options.consumer;
  const file = options.positionFile === undefined
    ? undefined
    : await PositionFile.open(options.positionFile, { channel });
  using interrupt = new Interrupt(options.cancelOnInterrupt ? () => askToCancel() : undefined);
  const { signal } = interrupt;
  const consumer = new RelayConsumer({ ...options.consumer, ...file?.resume, signal });
  const askToCancel = (): boolean => {
    const asked = consumer.cancel("a consumer was interrupted");
    if (asked) status("cancelling … (Ctrl-C again to leave)");
    else complain("cannot cancel: this relay speaks the plain protocol (v1)");
    return asked;
  };
  const stats = new StreamStats();
  try {
    status(`waiting for the first token of ${channel} … (Ctrl-C to stop)`);
    const { json, collect } = options;
    await new Printer({ json, collect, allowGaps }, { stats, file, signal }).print(consumer);
  } catch (error) {
    if (interrupt.received === undefined) throw error;
    tellBeside(error, interrupt.received);
  } finally {
    clearStatus();
    if (options.stats) say(stats.summary());
  }
  if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
}

/** Says what went wrong besides that it was interrupted: what came may be neither printed nor remembered. */
function tellBeside(error: unknown, interrupted: Interrupted): void {
  if (error === interrupted) return;
  if (!(error instanceof RelayError)) throw error;
  complain(error.message);
}
