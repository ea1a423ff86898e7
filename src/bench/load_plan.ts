/**
 * How a load is shared out among processes.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { LoadSettings } from "./result.ts";

/** Messages sent and received a second that one process is given: some 60 % of what one was seen to make (2.1 GHz Xeon). */
const EVENTS_PER_PROCESS = 60_000;
/** Files that a process has open besides its connections, with some to spare. */
const OTHER_FILES = 64;
/** Stretches of a run that are looked at by themselves. */
const SLICES = { least: 10, ms: 500, most: 60 };

/** Processes that make a load where nobody says how many: as many as it needs, and the relay keeps a core. */
export function processesFor(
  { channels, rate, consumers }: Pick<LoadSettings, "channels" | "rate" | "consumers">,
  cores: number,
): number {
  const needed = Math.ceil(channels * rate * (1 + consumers) / EVENTS_PER_PROCESS);
  return Math.max(1, Math.min(needed, cores - 1, channels));
}

/** The length of a stretch of a run of `durationMs`, ms. */
export function sliceMsOf(durationMs: number): number {
  const { least, ms, most } = SLICES;
  return Math.min(Math.max(ms, durationMs / most), durationMs / least);
}

/** Channels of each process: the first, and how many, as even as can be. */
export function shares(channels: number, processes: number): { first: number; count: number }[] {
  return Array.from({ length: processes }, (_, i) => {
    const first = Math.floor(i * channels / processes);
    return { first, count: Math.floor((i + 1) * channels / processes) - first };
  });
}

/**
 * Checks that the connections of a load can be opened: by each client and, where it is `own`, by the relay.
 *
 * @throws {RelayError} `usage` where they cannot.
 */
export function checkOpenFiles(settings: LoadSettings, own: boolean): void {
  const { channels, consumers, slow, processes, late } = settings;
  const perChannel = late ? Math.max(1, consumers + slow) : 1 + consumers + slow;
  const needed = Math.ceil(channels * perChannel / (own ? 1 : processes)) + OTHER_FILES;
  const limit = openFiles();
  if (limit === undefined || needed <= limit) return;
  throw new RelayError(
    "usage",
    `This load needs ${needed} open files of one process, which may have ${limit}: raise that (ulimit -Hn) or lower --channels`,
  );
}

/** Files that a process may have open; Deno takes the hard limit. `undefined` where the system does not tell. */
function openFiles(): number | undefined {
  try {
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const found = /^Max open files\s+\S+\s+(\d+)/m.exec(limits);
    return found === null ? undefined : Number(found[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // not Linux
    if (error instanceof Deno.errors.NotCapable) return undefined; // run without --allow-all
    throw error;
  }
}
