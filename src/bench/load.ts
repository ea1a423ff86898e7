/**
 * A load, made by as many processes as it needs.
 *
 * @module
 */

import { generateKey } from "../crypto/key.ts";
import { RelayError } from "../errors.ts";
import { newChannelId } from "../protocol/channel_id.ts";
import { limited } from "./limited.ts";
import { type LoadFigures, loadFigures } from "./load_figures.ts";
import { shares, sliceMsOf } from "./load_plan.ts";
import { busySeconds } from "./machine_time.ts";
import { ProcessUsage } from "./process_usage.ts";
import type { LoadSettings, Silence } from "./result.ts";
import { UsageLog } from "./usage_log.ts";
import type { LogLevel, WorkerJob, WorkerOutcome, WorkerReport } from "./worker_job.ts";
import { WorkerDeath, WorkerProcess } from "./worker_process.ts";

/** How long a worker that is told to stop may take, ms: what is under way is waited for. */
const STOP_MS = 10_000;

/** Time to learn that our own relay's process has ended, ms. */
const RELAY_FATE_MS = 500;

/** Options of {@linkcode measureLoad}. */
export interface LoadOptions {
  readonly settings: LoadSettings;
  /** Load before what is measured, ms. */
  readonly warmUpMs: number;
  /** The relay; `pid` where it runs on this machine and is to be watched. */
  readonly target: {
    readonly url: string;
    readonly secret?: string;
    readonly pid?: number;
    /** Resolves when its process has ended, to how it did; only of our own relay. */
    readonly ended?: Promise<string>;
  };
  /** The words that start this program. */
  readonly program: readonly string[];
  /** What the processes of the load say on stderr (default `error`). */
  readonly logLevel?: LogLevel;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** How far a load is. */
export interface LoadProgress {
  readonly stage:
    | "connecting"
    | "silence"
    | "warming up"
    | "measuring"
    | "replaying"
    | "waiting for the rest";
  /** Of this stage, 0 to 1. */
  readonly part: number;
}

/**
 * Makes a load and measures it.
 *
 * @throws {RelayError} where the connections cannot be made: `limit`, `unreachable`, `unauthorized`.
 */
export async function measureLoad(options: LoadOptions): Promise<LoadFigures> {
  await using run = new LoadMeasurement(options);
  return await run.measure();
}

class LoadMeasurement implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #workers: WorkerProcess[] = [];
  readonly #relay: UsageLog;
  #relayEnded: string | undefined;
  readonly #died: string[] = [];
  #clients = new UsageLog([]);
  /** By process. */
  readonly #ready: PromiseWithResolvers<void>[] = [];
  readonly #open: number[] = [];
  #connections = 0;
  #looks: ReturnType<typeof setInterval> | undefined;
  #startedAt = 0;
  #measuredMs = 0;
  /** CPU time of the whole machine during the measurement, s. */
  #machineSeconds: number | undefined;
  #machineBefore: number | undefined;
  #silence: Silence | undefined;
  #stage: LoadProgress["stage"] = "connecting";
  /** Processes that have told that what is counted is over. */
  #measured = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { pid } = options.target;
    this.#relay = new UsageLog(pid === undefined ? [] : [pid]);
    void options.target.ended?.then((how) => this.#relayEnded = how);
  }

  async measure(): Promise<LoadFigures> {
    const { signal } = this.#options;
    const stop = () => void this.#stop();
    signal.addEventListener("abort", stop, { once: true });
    const progress = setInterval(() => this.#tellProgress(), 200);
    try {
      for (const job of this.#jobs()) await this.#start(job);
      if (signal.aborted) stop();
      const outcomes = this.#outcomes();
      outcomes.catch(() => {}); // it may fail before it is waited for
      const ready = Promise.all(this.#ready.map(({ promise }) => promise));
      await Promise.race([ready, outcomes]);
      await this.#keepSilence(outcomes);
      this.#stage = this.#options.settings.late ? "measuring" : "warming up";
      this.#startedAt = performance.now();
      await Promise.all(this.#workers.map((worker) => worker.order("go")));
      const made = await outcomes;
      await this.#relayFate(made);
      this.#endLooks();
      return loadFigures(made, {
        settings: this.#options.settings,
        relay: this.#relay,
        clients: this.#clients,
        measuredMs: this.#measuredMs,
        machineSeconds: this.#machineSeconds,
        relayEnded: this.#relayEnded,
        silence: this.#silence,
        died: this.#died,
      });
    } finally {
      clearInterval(progress);
      clearInterval(this.#looks);
      signal.removeEventListener("abort", stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }

  /** What the processes bring; where one has ended before its time, the others are stopped, and bring what they have. */
  async #outcomes(): Promise<WorkerOutcome[]> {
    const all = await Promise.all(this.#workers.map(async (worker) => {
      try {
        return await worker.outcome;
      } catch (error) {
        if (!(error instanceof WorkerDeath)) throw error;
        this.#died.push(error.message);
        await Promise.all(this.#workers.map((other) => other.order("stop")));
        return undefined;
      }
    }));
    const made = all.filter((outcome) => outcome !== undefined);
    if (made.length === 0) throw new RelayError("internal", this.#died.join("; "));
    return made;
  }

  /** Connections are lost a moment before it is known that the process at their other end is gone. */
  async #relayFate(outcomes: readonly WorkerOutcome[]): Promise<void> {
    const { ended } = this.#options.target;
    if (ended === undefined || outcomes.every(({ losses }) => losses.length === 0)) return;
    await limited(ended, RELAY_FATE_MS);
  }

  /** Time in which nobody says anything; `outcomes` may be there before it is over. */
  async #keepSilence(outcomes: Promise<unknown>): Promise<void> {
    const { settings: { idleMs = 0 }, signal, target: { pid } } = this.#options;
    if (idleMs === 0 || signal.aborted) return;
    this.#stage = "silence";
    const from = this.#startedAt = performance.now();
    const usage = pid === undefined ? undefined : new ProcessUsage(pid);
    const before = usage?.read();
    await limited(outcomes, idleMs);
    const after = usage?.read();
    this.#silence = {
      seconds: (performance.now() - from) / 1000,
      connections: this.#connections,
      relayCpuSeconds: before && after && after.cpuSeconds - before.cpuSeconds,
      relayRssBytes: after?.rssBytes,
    };
  }

  #jobs(): WorkerJob[] {
    const { settings, warmUpMs, target: { url, secret }, logLevel } = this.#options;
    const job = {
      url,
      secret,
      encryptionKey: settings.encrypted ? generateKey() : undefined,
      settings,
      // nobody else's, and nobody's before
      prefix: `bench-${newChannelId()}-`,
      seed: 1,
      warmUpMs,
      logLevel,
      sliceMs: sliceMsOf(settings.durationMs),
    };
    return shares(settings.channels, settings.processes).map((share) => ({ ...job, ...share }));
  }

  async #start(job: WorkerJob): Promise<void> {
    const { settings: { consumers, slow, late } } = job;
    const at = this.#workers.length;
    this.#ready.push(Promise.withResolvers());
    this.#open.push(0);
    this.#connections += job.count * (late ? 1 : 1 + consumers + slow);
    const report = (report: WorkerReport) => this.#told(report, at);
    this.#workers.push(await WorkerProcess.start(this.#options.program, job, report));
  }

  #told(report: WorkerReport, at: number): void {
    if (report.type === "connecting") this.#open[at] = report.open;
    if (report.type === "ready") this.#ready[at].resolve();
    if (report.type === "measuring") this.#beginLooks();
    if (report.type === "measured" && ++this.#measured === this.#workers.length) this.#endLooks();
  }

  /** Watches from the first process' beginning to the last one's end. */
  #beginLooks(): void {
    if (this.#looks !== undefined) return;
    this.#stage = this.#options.settings.late ? "replaying" : "measuring";
    this.#startedAt = performance.now();
    this.#clients = new UsageLog(this.#workers.map(({ pid }) => pid));
    const look = () => {
      this.#relay.look();
      this.#clients.look();
    };
    look();
    this.#machineBefore = busySeconds();
    this.#looks = setInterval(look, sliceMsOf(this.#options.settings.durationMs));
  }

  #endLooks(): void {
    if (this.#looks === undefined || this.#measuredMs > 0) return;
    clearInterval(this.#looks);
    this.#relay.look();
    this.#clients.look();
    const after = busySeconds();
    if (after !== undefined && this.#machineBefore !== undefined) {
      this.#machineSeconds = after - this.#machineBefore;
    }
    this.#measuredMs = performance.now() - this.#startedAt;
    this.#stage = "waiting for the rest";
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.order("stop")));
    const timer = setTimeout(() => {
      for (const worker of this.#workers) void worker[Symbol.asyncDispose]();
    }, STOP_MS);
    await Promise.allSettled(this.#workers.map(({ outcome }) => outcome));
    clearTimeout(timer);
  }

  #tellProgress(): void {
    const { settings: { durationMs, late, idleMs = 0 }, warmUpMs, onProgress } = this.#options;
    const stage = this.#stage;
    const ms = performance.now() - this.#startedAt;
    const lasts = {
      silence: idleMs,
      "warming up": warmUpMs,
      measuring: durationMs + (late ? warmUpMs : 0),
    };
    const part = stage === "connecting"
      ? this.#open.reduce((sum, open) => sum + open, 0) / Math.max(1, this.#connections)
      : stage in lasts
      ? Math.min(1, ms / Math.max(1, lasts[stage as keyof typeof lasts]))
      : 1;
    onProgress?.({ stage, part });
  }
}
