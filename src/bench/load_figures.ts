/**
 * The figures of a load, of all its processes together.
 *
 * @module
 */

import { Latencies } from "./latencies.ts";
import { notesOf } from "./load_notes.ts";
import { sliceMsOf } from "./load_plan.ts";
import type { LoadResult, LoadSettings, LoadSlice, ResultHead, Silence } from "./result.ts";
import type { UsageLog } from "./usage_log.ts";
import { type Backlog, type Others, verdictOf } from "./verdict.ts";
import { addFaults, isFaulty, NO_FAULTS } from "./verifier.ts";
import type { Loss, WorkerOutcome } from "./worker_job.ts";

/** What was measured: a {@linkcode LoadResult} but for what all results say. */
export interface LoadFigures extends Omit<LoadResult, keyof ResultHead> {
  readonly kind: "load";
  readonly partial: boolean;
  readonly notes: readonly string[];
  /** Parts of a core that the JavaScript of the relay and of the busiest client took, where that is known. */
  readonly relayShare?: number;
  readonly clientShare?: number;
  /** What other programs took of this machine, where that can be told: not where the relay is one of them. */
  readonly others?: Others;
  /** Processes that have ended before their time, a sentence each: their figures are missing. */
  readonly died?: readonly string[];
}

/** What was seen of a load beside what its processes tell. */
export interface LoadSurroundings {
  readonly settings: LoadSettings;
  /** What the relay and the processes took while it was measured. */
  readonly relay: UsageLog;
  readonly clients: UsageLog;
  /** How long that was, ms; 0 where it did not begin. */
  readonly measuredMs: number;
  /** CPU time of the whole machine meanwhile, s. */
  readonly machineSeconds: number | undefined;
  /** How our own relay's process ended, where it did. */
  readonly relayEnded: string | undefined;
  readonly silence: Silence | undefined;
  /** Processes that have ended before their time, a sentence each. */
  readonly died: readonly string[];
}

/** Puts together what the processes of a load bring, and judges it. */
export function loadFigures(
  outcomes: readonly WorkerOutcome[],
  surroundings: LoadSurroundings,
): LoadFigures {
  const { settings, relay, clients, measuredMs, relayEnded, silence, died } = surroundings;
  const total = (of: (outcome: WorkerOutcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  const merged = (of: (outcome: WorkerOutcome) => { histogram: string }) =>
    mergedOf(outcomes.map(of)).stored();
  const received = total((outcome) => outcome.received);
  const shareOf = (log: UsageLog) => {
    const seconds = log.mainCpuSeconds;
    return seconds === undefined || measuredMs === 0 ? undefined : seconds / measuredMs * 1000;
  };
  const figures = {
    due: total((outcome) => outcome.due),
    sent: total((outcome) => outcome.sent),
    latency: merged((outcome) => outcome.latency),
    relayLatency: merged((outcome) => outcome.relayLatency),
    ownShare: merged((outcome) => outcome.ownShare),
    faults: outcomes.reduce((sum, { faults }) => addFaults(sum, faults), NO_FAULTS),
    relayShare: shareOf(relay),
    clientShare: shareOf(clients),
    others: othersOf(surroundings),
  };
  const losses = outcomes.flatMap((outcome): readonly Loss[] => outcome.losses);
  const toldOthers = total((outcome) => outcome.toldOthers);
  const { limit, reasons } = verdictOf({
    ...figures,
    ownShare: settings.late ? undefined : figures.ownShare,
    relayLatency: settings.late ? undefined : figures.relayLatency,
    backlog: backlogOf(outcomes, settings),
    relayEnded,
    toldOthers,
    losses,
  });
  return {
    kind: "load",
    settings,
    ...figures,
    received,
    seconds: secondsOf(outcomes, { ...surroundings, faulty: isFaulty(figures.faults) }),
    told: total((outcome) => outcome.told),
    relayUse: relay.use(received),
    clientUse: clients.use(received),
    silence,
    slices: slicesOf(outcomes, surroundings),
    limit,
    partial: died.length > 0 || outcomes.some(({ partial }) => partial),
    died,
    notes: notesOf({ died, limit, reasons, others: figures.others, outcomes }),
  };
}

/** Of readers that keep up; `undefined` where none were there yet. */
function backlogOf(
  outcomes: readonly WorkerOutcome[],
  { durationMs }: LoadSettings,
): Backlog | undefined {
  const messages = outcomes.reduce((sum, { backlog }) => sum + backlog.messages, 0);
  const of = outcomes.reduce((sum, { backlog }) => sum + backlog.of, 0);
  if (of === 0) return undefined;
  return { messages, of, ms: messages / of * durationMs };
}

/** Time in which messages were received; where some were not, a stream that ended early is not to look like a quick one. */
function secondsOf(
  outcomes: readonly WorkerOutcome[],
  { settings: { durationMs, late }, measuredMs, faulty }: LoadSurroundings & { faulty: boolean },
): number {
  const partial = outcomes.some((outcome) => outcome.partial);
  const lastsMs = partial ? Math.min(durationMs, measuredMs) : durationMs;
  const least = faulty && !late ? lastsMs : 0;
  return Math.max(least, ...outcomes.map(({ receivedMs }) => receivedMs)) / 1000;
}

/** What other programs took of the machine. */
function othersOf(surroundings: LoadSurroundings): Others | undefined {
  const { machineSeconds: all, measuredMs } = surroundings;
  const relay = surroundings.relay.use(0)?.cpuSeconds;
  const clients = surroundings.clients.use(0)?.cpuSeconds;
  if (relay === undefined || clients === undefined || all === undefined) return undefined;
  if (measuredMs === 0) return undefined;
  const coresOf = (seconds: number) => Math.max(0, seconds / measuredMs * 1000);
  return {
    others: coresOf(all - relay - clients),
    busy: coresOf(all),
    cores: navigator.hardwareConcurrency,
  };
}

function slicesOf(
  outcomes: readonly WorkerOutcome[],
  { settings, relay, clients }: LoadSurroundings,
): LoadSlice[] {
  const sliceMs = sliceMsOf(settings.durationMs);
  const count = Math.max(...outcomes.map(({ slices }) => slices.length));
  return Array.from({ length: count }, (_, at) => {
    const slices = outcomes.flatMap((outcome) => outcome.slices[at] ?? []);
    const latency = mergedOf(slices.map((slice) => slice.latency));
    return {
      atMs: (at + 1) * sliceMs,
      received: slices.reduce((sum, slice) => sum + slice.received, 0),
      p50: latency.percentile(50),
      p99: latency.percentile(99),
      relayCpuSeconds: relay.cpuSeconds(at),
      relayRssBytes: relay.rssBytes(at + 1),
      clientCpuSeconds: clients.cpuSeconds(at),
    };
  });
}

function mergedOf(stored: readonly { readonly histogram: string }[]): Latencies {
  const all = new Latencies();
  for (const one of stored) all.add(Latencies.from(one));
  return all;
}
