/**
 * The figures of a result that can be compared, with their samples.
 *
 * @module
 */

import type { BenchResult, LoadResult, LoadSlice, MaxResult, TtftResult } from "./result.ts";
import { lengthsOf, wholeStretches } from "./stretches.ts";

/** What a figure measures. */
export type Quantity = "time" | "rate" | "cost" | "memory";

/** A figure of one run. */
export interface Figure {
  readonly name: string;
  /** `time` in ms, `rate` in messages/s, `cost` in µs of CPU, `memory` in bytes. */
  readonly quantity: Quantity;
  readonly better: "lower" | "higher";
  /** Of the run's parts, such as its stretches: all above 0, at least one. Their geometric mean is the run's figure. */
  readonly samples: readonly number[];
}

/** The figures of `result`, those of which nothing was measured left out. */
export function figuresOf(result: BenchResult): Figure[] {
  return measured(result).map(([name, quantity, samples]): Figure => ({
    name,
    quantity,
    better: quantity === "rate" ? "higher" : "lower",
    samples: samples.filter((sample) => sample > 0), // a logarithm is taken of them
  })).filter(({ samples }) => samples.length > 0);
}

type Measured = [name: string, quantity: Quantity, samples: number[]];

function measured(result: BenchResult): Measured[] {
  switch (result.kind) {
    case "ttft":
      return ofRuns(result);
    case "load":
      return ofSlices(result);
    case "max":
      return ofLargest(result);
  }
}

/** Streams that run at once share each pause of the client: what they say of single tokens is one sample. */
function ofRuns({ runs, perToken: { latency } }: TtftResult): Measured[] {
  return [
    ["first token, streaming", "time", runs.map(({ streaming }) => streaming.firstToken)],
    ["first token, in batch mode", "time", runs.map(({ batch }) => batch.firstToken)],
    ["all tokens, streaming", "time", runs.map(({ streaming }) => streaming.total)],
    ["token: sent → received, p50", "time", [latency.p50]],
    ["token: sent → received, p99", "time", [latency.p99]],
  ];
}

function ofSlices(result: LoadResult): Measured[] {
  const { relayUse } = result;
  const slices = wholeStretches(result);
  const busy = slices.filter(({ received }) => received > 0);
  const memory = relayUse === undefined ? [] : [relayUse.rssBytesPeak];
  return [
    ["latency, p50", "time", busy.map(({ p50 }) => p50)],
    ["latency, p99", "time", busy.map(({ p99 }) => p99)],
    ["messages received", "rate", rates(slices)],
    ["relay CPU per message", "cost", busy.flatMap(cost)],
    ["relay memory at its peak", "memory", memory], // one stretch follows from the last: no samples
  ];
}

function rates(slices: readonly LoadSlice[]): number[] {
  const lengths = lengthsOf(slices);
  return slices.map(({ received }, at) => 1000 * received / lengths[at]);
}

function cost({ relayCpuSeconds, received }: LoadSlice): number[] {
  return relayCpuSeconds === undefined ? [] : [1e6 * relayCpuSeconds / received];
}

function ofLargest({ held }: MaxResult): Measured[] {
  if (held === undefined) return [];
  const { messagesPerSecond, p50, p99, relayRssBytes } = held;
  return [
    ["largest load that held", "rate", [messagesPerSecond]],
    ["its p50", "time", [p50]],
    ["its p99", "time", [p99]],
    ["its relay memory", "memory", relayRssBytes === undefined ? [] : [relayRssBytes]],
  ];
}
