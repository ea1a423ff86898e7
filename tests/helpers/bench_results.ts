/**
 * Results of the bench, made up, always the same.
 *
 * @module
 */

import { Latencies } from "../../src/bench/latencies.ts";
import type {
  Faults,
  LoadResult,
  LoadSettings,
  LoadSlice,
  MaxResult,
  MaxStep,
  ResultHead,
  TtftResult,
  TtftRun,
} from "../../src/bench/result.ts";

/** Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A standard normal number (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Times around `median` ms, log-normal as latencies are. */
function logNormal(random: () => number, median: number, sigma: number, size: number): number[] {
  return Array.from({ length: size }, () => median * Math.exp(sigma * normal(random)));
}

function latencies(times: Iterable<number>): Latencies {
  const all = new Latencies();
  for (const ms of times) all.record(ms);
  return all;
}

const stored = (times: Iterable<number>) => latencies(times).stored();

const HEAD: Omit<ResultHead, "command"> = {
  version: 1,
  startedAt: "2026-03-01T12:00:00.000Z",
  machine: {
    os: "Linux 6.18",
    cpu: "Intel(R) Xeon(R) Processor @ 2.10GHz",
    cores: 2,
    memoryBytes: 24 * 2 ** 30,
    deno: "2.9.6",
    streamrelay: "0.1.0",
  },
  relay: { url: "ws://127.0.0.1:43210", own: true, version: "0.1.0" },
  clock: { resolutionMs: 0.000_06 },
  partial: false,
  notes: [],
};

export const NO_FAULTS: Faults = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };

/** Ten streams of 600 tokens in 15 s after 0.42 s. */
export function makeTtftResult(changes: Partial<TtftResult> = {}, seed = 1): TtftResult {
  const random = randomNumbers(seed);
  const tokens = 600;
  const perToken = logNormal(random, 0.18, 0.4, 10 * tokens);
  const runs = Array.from({ length: 10 }, () => ttftRun(random, tokens));
  const pick = (how: (run: TtftRun) => number) => stored(runs.map(how));
  const gaps = Array.from({ length: tokens }, () => 25 + 0.4 * normal(random));
  return {
    ...HEAD,
    kind: "ttft",
    command: "streamrelay bench ttft --runs 10 --report out.html",
    model: { prefillMs: 400, tokens, rate: 40, encrypted: true },
    runs,
    streaming: {
      firstToken: pick(({ streaming }) => streaming.firstToken),
      total: pick(({ streaming }) => streaming.total),
    },
    batch: {
      firstToken: pick(({ batch }) => batch.firstToken),
      total: pick(({ batch }) => batch.total),
    },
    perToken: {
      method: "one clock",
      latency: stored(perToken),
      path: stored(logNormal(random, 0.11, 0.3, 200)),
    },
    gaps: {
      sent: stored(gaps),
      received: stored(gaps.map((gap) => gap + 0.1 * normal(random))),
    },
    jitter: stored(logNormal(random, 0.05, 0.7, 10 * tokens)),
    ownShare: stored(logNormal(random, 0.3, 0.5, 10 * tokens)),
    ...changes,
  };
}

function ttftRun(random: () => number, tokens: number): TtftRun {
  const first = 421 * Math.exp(0.004 * normal(random));
  const total = first + 25 * (tokens - 1);
  return {
    streaming: { firstToken: first, total },
    batch: { firstToken: total + 3, total: total + 3 },
    perToken: { p50: 0.18 * Math.exp(0.02 * normal(random)), p99: 0.45 },
    receivedAt: Array.from({ length: tokens }, (_, at) => first + 25 * at),
  };
}

export const LOAD_SETTINGS: LoadSettings = {
  channels: 1_000,
  rate: 40,
  consumers: 1,
  size: 64,
  durationMs: 10_000,
  transport: "ws2",
  encrypted: false,
  slow: 0,
  late: false,
  processes: 2,
};

/** 1,000 channels of 40 messages/s for ten seconds; `slower` is a factor for latencies and CPU. */
export function makeLoadResult(
  changes: Partial<LoadResult> = {},
  { seed = 1, slower = 1 } = {},
): LoadResult {
  const random = randomNumbers(seed);
  const size = 20_000;
  const relayTimes = logNormal(random, 0.2 * slower, 0.5, size);
  const ownTimes = logNormal(random, 0.05, 0.6, size);
  return {
    ...HEAD,
    kind: "load",
    command: "streamrelay bench load --channels 1000 --rate 40 --duration 10s",
    settings: LOAD_SETTINGS,
    due: 400_000,
    sent: 400_000,
    received: 400_000,
    seconds: 10,
    latency: stored(relayTimes.map((ms, at) => ms + ownTimes[at])),
    relayLatency: stored(relayTimes),
    ownShare: stored(ownTimes),
    told: 0,
    faults: NO_FAULTS,
    relayUse: {
      cpuSeconds: 4.2 * slower,
      cpuMicrosecondsPerMessage: 10.5 * slower,
      rssBytesBefore: 82 * 2 ** 20,
      rssBytesPeak: 121.3 * 2 ** 20,
    },
    clientUse: {
      cpuSeconds: 6.1,
      cpuMicrosecondsPerMessage: 15.25,
      rssBytesBefore: 90 * 2 ** 20,
      rssBytesPeak: 140 * 2 ** 20,
    },
    slices: Array.from({ length: 20 }, (_, at) => slice(random, at, slower)),
    limit: "none",
    ...changes,
  };
}

function slice(random: () => number, at: number, slower: number): LoadSlice {
  return {
    atMs: 500 * (at + 1),
    received: 20_000,
    p50: 0.26 * slower * Math.exp(0.05 * normal(random)),
    p99: 0.8 * slower * Math.exp(0.2 * normal(random)),
    relayCpuSeconds: 0.21 * slower * Math.exp(0.03 * normal(random)),
    relayRssBytes: (82 + 2 * at) * 2 ** 20,
    clientCpuSeconds: 0.305 * Math.exp(0.03 * normal(random)),
  };
}

/** Five loads, of which the last one did not hold. */
export function makeMaxResult(changes: Partial<MaxResult> = {}): MaxResult {
  const steps = [250, 500, 1_000, 2_000, 4_000].map(maxStep);
  return {
    ...HEAD,
    kind: "max",
    command: "streamrelay bench max --slo 50ms",
    settings: { ...LOAD_SETTINGS, channels: 250 },
    sloMs: 50,
    steps,
    held: steps[3],
    limit: "relay",
    ...changes,
  };
}

function maxStep(channels: number, at: number): MaxStep {
  const held = channels < 4_000;
  return {
    channels,
    messagesPerSecond: 40 * channels,
    p50: held ? 0.2 * 1.3 ** at : 180,
    p99: held ? 0.8 * 2.1 ** at : 400,
    relayCpuShare: Math.min(0.99, channels / 3_000),
    clientCpuShare: Math.min(0.9, channels / 4_000),
    relayRssBytes: (80 + channels / 40) * 2 ** 20,
    faults: NO_FAULTS,
    held,
    limit: held ? "none" : "relay",
  };
}
