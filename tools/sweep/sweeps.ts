/**
 * What is swept: loads of `bench load` that differ in one number.
 *
 * @module
 */

/** One run of `bench load`. */
export interface SweepPoint {
  /** A file name without its ending, e.g. `channels-10`. */
  readonly name: string;
  /** Words after `bench load`. */
  readonly args: readonly string[];
}

/** The numbers that are swept, a word each. */
export const SUBJECTS = ["channels", "consumers", "size", "idle", "log"] as const;
export type SweepSubject = (typeof SUBJECTS)[number];

/** How much is done. */
export type Extent = "quick" | "usual" | "full";

/** Messages a second of all channels: what two cores carry with the client on one of them. */
const TOTAL_RATE = 20_000;
/** The relay has then compiled what runs all the time, and what connecting has left behind is collected. */
const WARM = ["--warm-up", "5"];
/** Messages of 4 KiB a second that make a log, which nobody reads meanwhile: 32 MiB/s. */
const LOG_RATE = 8192;
const MIB = 1024 * 1024;

/** The runs of one sweep. */
export function pointsOf(subject: SweepSubject, extent: Extent): SweepPoint[] {
  if (extent === "quick") return quickPoints(subject);
  switch (subject) {
    case "channels":
      return [1, 10, 100, 1_000, 5_000].map((n) =>
        point("channels", n, ["--channels", `${n}`, "--rate", `${TOTAL_RATE / n}`, ...WARM])
      );
    case "consumers":
      return [1, 10, 100, 1_000].map((n) =>
        point("consumers", n, ["--channels", "1", "--consumers", `${n}`])
      );
    case "size":
      return ["16", "256", "4KiB", "64KiB", "1MiB"].map((size) =>
        point("size", size, ["--channels", "10", "--rate", "4", "--size", size])
      );
    case "idle":
      return (extent === "full" ? [10, 60, 180, 600] : [1, 10, 60]).map((seconds) =>
        point("idle", seconds, ["--channels", "1000", "--rate", "10", "--idle", `${seconds}`])
      );
    case "log":
      return [1, 10, 100, 1024].map((mib) => point("log", mib, logArgs(mib * MIB)));
  }
}

/** A log of so many bytes of content in one channel, made and then replayed. */
function logArgs(bytes: number): string[] {
  const seconds = bytes / 4096 / LOG_RATE;
  const size = ["--channels", "1", "--rate", `${LOG_RATE}`, "--size", "4KiB"];
  return [...size, "--duration", `${seconds}`, "--warm-up", "0", "--late"];
}

/** Three tiny runs, of channels alone: what it takes to see that all this works. */
function quickPoints(subject: SweepSubject): SweepPoint[] {
  if (subject !== "channels") return [];
  const short = ["--rate", "20", "--duration", "0.5", "--warm-up", "0"];
  return [1, 2, 3].map((n) => point("channels", n, ["--channels", `${n}`, ...short]));
}

function point(subject: SweepSubject, value: number | string, args: string[]): SweepPoint {
  return { name: `${subject}-${value}`, args };
}
