/**
 * What the processes of a load tell each other, a JSON object a line.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import type { StoredLatencies } from "./latencies.ts";
import type { Faults, LoadSettings } from "./result.ts";

/** As of `--log-level`. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** What one process has to do; it comes by stdin, as there are secrets in it. */
export interface WorkerJob {
  readonly url: string;
  readonly secret?: string;
  readonly encryptionKey?: string;
  readonly settings: LoadSettings;
  /** Channels are called this and their number in the whole load. */
  readonly prefix: string;
  /** The first channel of this process, and how many it has. */
  readonly first: number;
  readonly count: number;
  readonly seed: number;
  readonly warmUpMs: number;
  readonly sliceMs: number;
  /** Whether the sockets are those of the runtime also where others cost less (default `cheapest`). */
  readonly sockets?: "cheapest" | "runtime";
  /** How much the process says on stderr (default `error`). */
  readonly logLevel?: LogLevel;
}

/** From the parent: begin the load now, or end it early with what there is. */
export type WorkerOrder = "go" | "stop";

/** One stretch of time, as one process saw it. */
export interface WorkerSlice {
  readonly received: number;
  /** Of due → received. */
  readonly latency: Pick<StoredLatencies, "histogram">;
}

/** What became of a job. All that was due in the warm-up is verified, and counted nowhere but in `faults` and `told`. */
export interface WorkerOutcome {
  readonly due: number;
  readonly sent: number;
  readonly received: number;
  /** Time in which they were received, ms. */
  readonly receivedMs: number;
  readonly latency: StoredLatencies;
  readonly relayLatency: StoredLatencies;
  readonly ownShare: StoredLatencies;
  /** Messages that never came, of those that count; they are in the latencies with their age at the end. */
  readonly missed: number;
  /** Streams that were not read to their end as what came was not what was encrypted, and messages that were not read. */
  readonly distrusted: number;
  readonly unread: number;
  /** Messages that were to be received when all was sent, and those of them that were not yet; 0 of 0 before a replay. */
  readonly backlog: { readonly messages: number; readonly of: number };
  readonly told: number;
  /** Those of `told` that readers were told which keep up. */
  readonly toldOthers: number;
  readonly faults: Faults;
  readonly slices: readonly WorkerSlice[];
  /** Why connections were lost, each reason once, with how many there were. */
  readonly losses: readonly Loss[];
  readonly partial: boolean;
  /** What the connections were made of, see {@linkcode WorkerJob.sockets}. */
  readonly sockets: "kernel" | "runtime";
}

/** Connections that were lost for one reason. */
export interface Loss {
  readonly code: ErrorCode;
  readonly message: string;
  readonly count: number;
}

/** What a process says while it works. */
export type WorkerReport =
  | { readonly type: "connecting"; readonly open: number; readonly of: number }
  | { readonly type: "ready" }
  /** What is counted begins. */
  | { readonly type: "measuring" }
  | { readonly type: "progress"; readonly sent: number; readonly received: number }
  /** What is counted has been sent, or, where it is replayed, received. */
  | { readonly type: "measured" }
  | { readonly type: "outcome"; readonly outcome: WorkerOutcome }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };
