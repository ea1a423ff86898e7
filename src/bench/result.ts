/**
 * What a run of the bench leaves behind: the JSON of `--json`, from which the tables, the report and comparisons are made.
 *
 * @module
 */

import type { StoredLatencies } from "./latencies.ts";

/** The form of the JSON; it grows when a field changes its meaning. */
export const RESULT_VERSION = 1;

/** What all results say about where they come from. */
export interface ResultHead {
  readonly version: typeof RESULT_VERSION;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The command line, credentials and keys taken out. */
  readonly command: string;
  readonly machine: Machine;
  readonly relay: RelayUnderTest;
  readonly clock: { readonly resolutionMs: number };
  /** Ended before its time, as a rule by an interrupt: what was measured until then. */
  readonly partial: boolean;
  /** What a reader has to know to judge the figures, one sentence each. */
  readonly notes: readonly string[];
}

/** Where the load came from. */
export interface Machine {
  readonly os: string;
  /** Like `Intel(R) Xeon(R) Processor @ 2.10GHz`, empty where it is not known. */
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly deno: string;
  readonly streamrelay: string;
}

/** What was measured. */
export interface RelayUnderTest {
  /** Without user information and query. */
  readonly url: string;
  /** Started by the bench itself, as a process of its own on this machine. */
  readonly own: boolean;
  /** As its /health says; absent where it does not. */
  readonly version?: string;
}

/** `bench ttft`. */
export interface TtftResult extends ResultHead {
  readonly kind: "ttft";
  readonly model: ModelSettings;
  readonly runs: readonly TtftRun[];
  /** From the job's start to the first token, ms, over all runs. */
  readonly streaming: { readonly firstToken: StoredLatencies; readonly total: StoredLatencies };
  readonly batch: { readonly firstToken: StoredLatencies; readonly total: StoredLatencies };
  /** What sending a token to receiving it takes. */
  readonly perToken: {
    /** `one clock`: producer and consumer in one process; `ping-pong halves`: half of there and back. */
    readonly method: "one clock" | "ping-pong halves";
    readonly latency: StoredLatencies;
    /** Round trip of an empty request to the relay over a connection that is open, ms: the way without the stream. */
    readonly path: StoredLatencies;
  };
  /** Time between one token and the next, as sent and as received. */
  readonly gaps: { readonly sent: StoredLatencies; readonly received: StoredLatencies };
  /** |gap received − gap sent|: what the relay adds to the rhythm. */
  readonly jitter: StoredLatencies;
  /** How late the made-up model itself was against its schedule. */
  readonly ownShare: StoredLatencies;
  /** What was wrong with what came; all 0 in a good measurement, absent where nobody looked. */
  readonly faults?: Faults;
  /** What ended it before its time, where that was no interrupt. */
  readonly failure?: string;
}

/** The model that was played. */
export interface ModelSettings {
  /** Time before the first token, ms. */
  readonly prefillMs: number;
  readonly tokens: number;
  /** Per second; absent where recorded timings were replayed. */
  readonly rate?: number;
  /** The name of the file that was replayed. */
  readonly replay?: string;
  readonly encrypted: boolean;
}

/** One stream of `bench ttft`; times in ms from the job's start. */
export interface TtftRun {
  readonly streaming: { readonly firstToken: number; readonly total: number };
  readonly batch: { readonly firstToken: number; readonly total: number };
  /** p50 and p99 of sending to receiving. */
  readonly perToken: { readonly p50: number; readonly p99: number };
  /** When each token was received, ms, for the chart; at most 2,000 of them, evenly taken. */
  readonly receivedAt: readonly number[];
}

/** How the load reaches the relay. */
export type Transport = "ws1" | "ws2" | "sse" | "http";

/** What was asked for. */
export interface LoadSettings {
  readonly channels: number;
  /** Messages per second and channel. */
  readonly rate: number;
  /** Consumers of each channel. */
  readonly consumers: number;
  /** Bytes of each message's content. */
  readonly size: number;
  readonly durationMs: number;
  readonly transport: Transport;
  readonly encrypted: boolean;
  /** Consumers of each channel that do not keep up; they come on top of `consumers`. */
  readonly slow: number;
  /** Consumers come when all was sent, and replay. */
  readonly late: boolean;
  /** Silence before the load, when all are connected, ms; results of older versions do not say. */
  readonly idleMs?: number;
  /** Processes that made the load. */
  readonly processes: number;
}

/** What went wrong with messages; all 0 in a good run. */
export interface Faults {
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Not as they were sent: found by number, filler, the stream's hash, or decryption. */
  readonly altered: number;
  /** Streams that ended otherwise than with done. */
  readonly broken: number;
}

/** Who could not do more. */
export type Limit = "none" | "client" | "relay" | "machine" | "memory" | "sockets" | "messages";

/** One stretch of a run, of some hundred ms or more: comparisons take each as one sample. */
export interface LoadSlice {
  /** From the start of the load to the end of this stretch, ms. */
  readonly atMs: number;
  readonly received: number;
  /** Of due → received in this stretch, ms. */
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds that the relay took in it, and its memory at its end, where it is on this machine. */
  readonly relayCpuSeconds?: number;
  readonly relayRssBytes?: number;
  readonly clientCpuSeconds?: number;
}

/** `bench load`. */
export interface LoadResult extends ResultHead {
  readonly kind: "load";
  readonly settings: LoadSettings;
  /** Messages: due by the schedule, sent, received by all consumers that keep up. */
  readonly due: number;
  readonly sent: number;
  readonly received: number;
  /** Time in which they were received, s; where some were lost, at least the time in which they were sent. */
  readonly seconds: number;
  /** due → received: what a reader sees. What never came counts with its age at the end, here and in `relayLatency`. */
  readonly latency: StoredLatencies;
  /** sent → received: relay, kernel and the receiving side of the client. */
  readonly relayLatency: StoredLatencies;
  /** due → sent: the client's own share. */
  readonly ownShare: StoredLatencies;
  /** Messages that the relay said slow consumers have missed: no fault. */
  readonly told: number;
  readonly faults: Faults;
  readonly relayUse?: ProcessUse;
  readonly clientUse?: ProcessUse;
  /** The silence before the load, where there was one. */
  readonly silence?: Silence;
  readonly slices: readonly LoadSlice[];
  readonly limit: Limit;
}

/** Time in which connections were there, and nothing was sent but pings. */
export interface Silence {
  readonly seconds: number;
  readonly connections: number;
  /** Of the relay in it, and its memory at its end, where it is on this machine. */
  readonly relayCpuSeconds?: number;
  readonly relayRssBytes?: number;
}

/** What processes took during the load. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  /** For each message that was delivered. */
  readonly cpuMicrosecondsPerMessage: number;
  readonly rssBytesBefore: number;
  readonly rssBytesPeak: number;
}

/** One load of `bench max`. */
export interface MaxStep {
  readonly channels: number;
  readonly messagesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly relayCpuShare?: number;
  readonly clientCpuShare?: number;
  readonly relayRssBytes?: number;
  readonly faults: Faults;
  readonly held: boolean;
  readonly limit: Limit;
}

/** `bench max`. */
export interface MaxResult extends ResultHead {
  readonly kind: "max";
  readonly settings: LoadSettings;
  /** p99 of due → received that a load must keep, ms. */
  readonly sloMs: number;
  readonly steps: readonly MaxStep[];
  /** The largest load that held; absent where none did. */
  readonly held?: MaxStep;
  /** What gave out first; `none` where the largest load that was tried held. */
  readonly limit: Limit;
}

/** What any run leaves behind. */
export type BenchResult = TtftResult | LoadResult | MaxResult;
