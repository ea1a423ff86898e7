/**
 * What a process takes of the machine, as Linux counts it.
 *
 * @module
 */

/** One look at a process. */
export interface Usage {
  /** CPU time of all its threads since its start, s. */
  readonly cpuSeconds: number;
  /** Likewise of its first thread, which in Deno is the one that runs JavaScript. */
  readonly mainCpuSeconds: number;
  /** Memory that is in RAM, bytes. */
  readonly rssBytes: number;
}

const NS_PER_SECOND = 1e9;

/**
 * Looks at a process of this machine. The CPU time is exact to the microsecond, where /proc/PID/stat only counts ticks of
 * 10 ms; what a thread took that ended between two looks is only known up to the earlier one.
 *
 * @example
 * ```ts
 * import { ProcessUsage } from "./process_usage.ts";
 * import assert from "node:assert/strict";
 *
 * const usage = new ProcessUsage(Deno.pid).read();
 * if (Deno.build.os === "linux") assert.ok(usage!.rssBytes > 1e6 && usage!.cpuSeconds > 0);
 * else assert.equal(usage, undefined);
 * ```
 */
export class ProcessUsage {
  readonly #pid: number;
  /** CPU time of each thread, ended ones too, ns. */
  readonly #threads = new Map<string, number>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** The state now; `undefined` where the process has ended, or the system does not tell. */
  read(): Usage | undefined {
    try {
      this.#readThreads();
      const status = Deno.readTextFileSync(`/proc/${this.#pid}/status`);
      const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status);
      if (rss === null) return undefined; // a zombie has none
      const all = this.#threads.values().reduce((sum, ns) => sum + ns, 0);
      return {
        cpuSeconds: all / NS_PER_SECOND,
        mainCpuSeconds: this.#threads.get(String(this.#pid))! / NS_PER_SECOND,
        rssBytes: Number(rss[1]) * 1024,
      };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.NotCapable) return undefined; // run without --allow-all
      throw error;
    }
  }

  #readThreads(): void {
    const tasks = `/proc/${this.#pid}/task`;
    for (const { name } of Deno.readDirSync(tasks)) {
      try {
        const [ns] = Deno.readTextFileSync(`${tasks}/${name}/schedstat`).split(" ");
        this.#threads.set(name, Number(ns));
      } catch (error) {
        if (!isGone(error)) throw error; // that thread has just ended
      }
    }
  }
}

function isGone(error: unknown): boolean {
  // reading the file of a thread that ends meanwhile fails with ESRCH
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && "code" in error && error.code === "ESRCH";
}
