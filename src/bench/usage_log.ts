/**
 * What processes take while they are watched.
 *
 * @module
 */

import { ProcessUsage, type Usage } from "./process_usage.ts";
import type { ProcessUse } from "./result.ts";

/** Looks at a group of processes of this machine now and then. */
export class UsageLog {
  readonly #processes: ProcessUsage[];
  /** Of the group: before all else, and then at each look. */
  readonly #before: Usage | undefined;
  readonly #looks: (Usage | undefined)[] = [];

  constructor(pids: readonly number[]) {
    this.#processes = pids.map((pid) => new ProcessUsage(pid));
    this.#before = this.#read();
  }

  /** Looks at them. */
  look(): void {
    this.#looks.push(this.#read());
  }

  /** CPU time from look `at` to the next one, s; `undefined` where it is not known. */
  cpuSeconds(at: number): number | undefined {
    return difference(this.#looks[at + 1]?.cpuSeconds, this.#looks[at]?.cpuSeconds);
  }

  /** Memory at look `at`, bytes. */
  rssBytes(at: number): number | undefined {
    return this.#looks[at]?.rssBytes;
  }

  /** CPU time of the busiest first thread from the first look to the last, s. */
  get mainCpuSeconds(): number | undefined {
    return difference(this.#last?.mainCpuSeconds, this.#looks[0]?.mainCpuSeconds);
  }

  /** All of it, from the first look to the last, during which `messages` were delivered. */
  use(messages: number): ProcessUse | undefined {
    const cpuSeconds = difference(this.#last?.cpuSeconds, this.#looks[0]?.cpuSeconds);
    if (cpuSeconds === undefined || this.#before === undefined) return undefined;
    const rss = this.#looks.map((look) => look?.rssBytes ?? 0);
    return {
      cpuSeconds,
      cpuMicrosecondsPerMessage: messages === 0 ? 0 : cpuSeconds / messages * 1e6,
      rssBytesBefore: this.#before.rssBytes,
      rssBytesPeak: Math.max(...rss),
    };
  }

  /** The last look at which they were there. */
  get #last(): Usage | undefined {
    return this.#looks.findLast((look) => look !== undefined);
  }

  /** The sum; of first threads the busiest, as each is bound by its own. */
  #read(): Usage | undefined {
    const all = this.#processes.map((process) => process.read());
    if (all.length === 0 || all.includes(undefined)) return undefined;
    const known = all as Usage[];
    return {
      cpuSeconds: sum(known.map(({ cpuSeconds }) => cpuSeconds)),
      mainCpuSeconds: Math.max(...known.map(({ mainCpuSeconds }) => mainCpuSeconds)),
      rssBytes: sum(known.map(({ rssBytes }) => rssBytes)),
    };
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function difference(end: number | undefined, start: number | undefined): number | undefined {
  return end === undefined || start === undefined ? undefined : end - start;
}
