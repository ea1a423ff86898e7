/**
 * What `bench load` says.
 *
 * @module
 */

import { bytes, count, counted, digits, rate, share, span, time } from "./figures.ts";
import { anyFault, faultWords, LIMIT_REMARKS } from "./limit_words.ts";
import { FINE_PERCENTILES, percentileColumns, percentileRow } from "./percentiles.ts";
import type { LatencySummary } from "../latencies.ts";
import type { LoadResult, LoadSettings, ProcessUse, Silence } from "../result.ts";
import type { Fact, OwnSummary, Table } from "./summary.ts";

/** The summary of a `load` result. */
export function loadSummary(result: LoadResult): OwnSummary {
  const { settings, faults, limit } = result;
  const faulty = anyFault(faults);
  return {
    headline: headlineOf(result),
    warnings: [
      ...(faulty ? [`Faults: ${faultWords(faults)}.`] : []),
      ...(limit === "none" ? [] : [faulty && limit === "relay" ? GONE : LIMIT_REMARKS[limit]]),
    ],
    facts: [["load", loadWords(settings)], ...pace(result)],
    tables: [latencies(result), ...use(result)],
    remarks: [
      ...(faulty ? [] : [verified(result)]),
      ...(result.told > 0 ? [told(result.told)] : []),
      ...(limit === "none" ? [LIMIT_REMARKS.none] : []),
      settings.late ? LATE : DUE,
    ],
  };
}

/** A relay that is to blame for faults is one whose process has ended. */
const GONE = "The relay is the limit: it was gone before all was handed on.";
const LATE = "The consumers came when all was sent: latency counts from their connecting, and is " +
  "that of the replay.";
const DUE = "Latency counts from when a message was due by the schedule, sent in time or not: " +
  "waiting of the client is not left out (no coordinated omission).";

function headlineOf({ settings, latency, seconds, received, faults }: LoadResult): string {
  if (received === 0) return "No message was received.";
  const lost = faults.lost === 0 ? "" : `${counted(faults.lost, "message")} never came. `;
  return `${lost}${rate(received / seconds)} messages/s received, p50 ${time(latency.p50)} and ` +
    `p99 ${time(latency.p99)} after ${settings.late ? "connecting" : "they were due"}.`;
}

/** What was asked for, in words. */
export function loadWords(settings: LoadSettings): string {
  return `${counted(settings.channels, "channel")} × ${streamWords(settings)}`;
}

/** What was asked for of each channel. */
export function streamWords(settings: LoadSettings): string {
  const { rate: each, size, consumers, slow, transport, encrypted } = settings;
  const slowly = slow > 0 ? ` and ${counted(slow, "slow one")}` : "";
  const { idleMs = 0 } = settings;
  const silence = idleMs > 0 ? `, after ${span(idleMs)} of silence` : "";
  const by = settings.processes > 1 ? `, made by ${count(settings.processes)} processes` : "";
  return `${rate(each)} messages/s of ${bytes(size)} to ` +
    `${counted(consumers, "consumer")}${slowly} each, for ${span(settings.durationMs)}, ` +
    `over ${transport}${encrypted ? ", encrypted" : ""}${silence}${by}`;
}

/** Rates asked for, made and received. */
function pace({ settings, due, sent, received, seconds }: LoadResult): Fact[] {
  const asked = settings.channels * settings.rate;
  const part = due === 0 ? 0 : sent / due;
  return [
    ["asked for", `${rate(asked)} messages/s of all producers`],
    ["made", `${rate(asked * part)} messages/s: ${share(part)} of what was due was sent`],
    [
      "received",
      `${rate(seconds === 0 ? 0 : received / seconds)} messages/s by all consumers: ` +
      `${count(received)} in ${digits(seconds)} s`,
    ],
  ];
}

/** From when on a latency counts. */
export function latencyName({ late }: LoadSettings): string {
  return late ? "connecting → received" : "due → received";
}

function latencies({ settings, latency, relayLatency, ownShare }: LoadResult): Table {
  const row = (label: string, times: LatencySummary) =>
    percentileRow(label, times, FINE_PERCENTILES);
  const parts = [
    row("  due → sent: the client's own share", ownShare),
    row("  sent → received: relay and network", relayLatency),
  ];
  return {
    caption: `Latency, of ${counted(latency.count, "message")}`,
    columns: percentileColumns("time", FINE_PERCENTILES),
    rows: [
      row(`${latencyName(settings)}: what a reader sees`, latency),
      ...(settings.late ? [row("before, sending: due → sent", ownShare)] : parts),
    ],
  };
}

/** CPU and memory, where they are known. */
function use({ relayUse, clientUse, seconds, silence }: LoadResult): Table[] {
  const row = (label: string, use: ProcessUse | undefined) =>
    use === undefined ? [] : [useRow(label, use, seconds)];
  const rows = [
    ...row("relay", relayUse),
    ...row("client", clientUse),
    ...silence === undefined ? [] : silenceRow(silence),
  ];
  if (rows.length === 0) return [];
  return [{
    caption: "CPU and memory",
    columns: ["process", "CPU", "of one core", "per message", "memory before", "at its peak"],
    rows,
  }];
}

/** What connections cost that are only there. */
function silenceRow({ seconds, relayCpuSeconds, relayRssBytes }: Silence): string[][] {
  if (relayCpuSeconds === undefined || relayRssBytes === undefined) return [];
  const part = `${digits(100 * relayCpuSeconds / seconds)} %`;
  const memory = bytes(relayRssBytes);
  return [["relay, in the silence", `${digits(relayCpuSeconds)} s`, part, "–", "–", memory]];
}

function useRow(label: string, use: ProcessUse, seconds: number): string[] {
  return [
    label,
    `${digits(use.cpuSeconds)} s`,
    seconds === 0 ? "–" : share(use.cpuSeconds / seconds),
    `${digits(use.cpuMicrosecondsPerMessage)} µs`,
    bytes(use.rssBytesBefore),
    bytes(use.rssBytesPeak),
  ];
}

function verified({ received }: LoadResult): string {
  return `Verified: order, gaps, repetitions, content hash of ${counted(received, "message")}.`;
}

function told(messages: number): string {
  return `The relay told slow consumers of ${counted(messages, "message")} that they missed: ` +
    "no fault.";
}
