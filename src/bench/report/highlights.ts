/**
 * The few figures that are shown large.
 *
 * @module
 */

import type { BenchResult, LoadResult, MaxResult, TtftResult } from "../result.ts";
import { counted, digits, factor, rate, time } from "../summary/figures.ts";
import { anyFault } from "../summary/limit_words.ts";
import { latencyName } from "../summary/load_summary.ts";
import type { Colour } from "./chart.ts";

/** A figure and what it is; its colour is that of what it tells of in the charts. */
export interface Highlight {
  readonly value: string;
  readonly label: string;
  readonly colour?: Colour;
}

/** The highlights of `result`, none for what was not measured. */
export function highlightsOf(result: BenchResult): Highlight[] {
  switch (result.kind) {
    case "ttft":
      return ofTtft(result);
    case "load":
      return ofLoad(result);
    case "max":
      return ofMax(result);
  }
}

function ofTtft({ streaming, batch, perToken: { latency } }: TtftResult): Highlight[] {
  const [soon, late] = [streaming.firstToken, batch.firstToken];
  const both = soon.count > 0 && late.count > 0;
  const [shown, later] = [soon.p50, both ? late.p50 : 0].map(time);
  return [
    ...(soon.count === 0
      ? []
      : [{ value: shown, label: "first token, streaming", colour: "first" as const }]),
    ...(both
      ? [
        { value: later, label: "first token, in batch mode", colour: "second" as const },
        { value: `${factor(late.p50 / soon.p50)} ×`, label: "sooner" },
      ]
      : []),
    ...(latency.count === 0 ? [] : [{ value: time(latency.p99), label: "added to a token (p99)" }]),
  ];
}

function ofLoad(
  { settings, latency, received, seconds, relayUse, faults }: LoadResult,
): Highlight[] {
  if (received === 0) return [];
  return [
    { value: `${rate(received / seconds)}/s`, label: "messages received", colour: "first" },
    { value: time(latency.p50), label: `p50, ${latencyName(settings)}` },
    { value: time(latency.p99), label: `p99, ${latencyName(settings)}` },
    ...(relayUse === undefined ? [] : [{
      value: `${digits(relayUse.cpuMicrosecondsPerMessage)} µs`,
      label: "CPU of the relay per message",
    }]),
    { value: anyFault(faults) ? "faults" : "0", label: "lost, repeated, altered, out of order" },
  ];
}

function ofMax({ held }: MaxResult): Highlight[] {
  if (held === undefined) return [];
  return [
    {
      value: `${rate(held.messagesPerSecond)}/s`,
      label: "largest load that held",
      colour: "third",
    },
    { value: counted(held.channels, "channel"), label: "at a time" },
    { value: time(held.p99), label: "p99, due → received", colour: "second" },
  ];
}
