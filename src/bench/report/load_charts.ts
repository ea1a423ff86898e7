/**
 * The charts of `bench load`.
 *
 * @module
 */

import type { LoadResult, LoadSlice } from "../result.ts";
import { lengthsOf, wholeStretches } from "../stretches.ts";
import { bytes, count, rate, share, time } from "../summary/figures.ts";
import { latencyName } from "../summary/load_summary.ts";
import type { Axis, Chart, Series } from "./chart.ts";
import { placeOn } from "./chart.ts";
import { histogramChart, type NamedTimes, percentileChart } from "./latency_charts.ts";

/** The charts of a `load` result. */
export function loadCharts(result: LoadResult): Chart[] {
  const { latency, relayLatency, ownShare } = result;
  const slices = wholeStretches(result);
  const whole: NamedTimes = { name: latencyName(result.settings), times: latency, colour: "first" };
  const own: NamedTimes = { name: "the client's own share", times: ownShare, colour: "second" };
  const parts = result.settings.late ? [] : [own];
  return [
    ...histogramChart({
      title: "Latency",
      caption: result.settings.late
        ? "How many of all messages of the replay took how long from the consumer's connecting."
        : "How many of all messages took how long from when they were due to the reader, and " +
          "what of it is the client's own. The slowest thousandth is left to the percentile curve.",
    }, [whole, ...parts]),
    ...percentileChart({
      title: "How bad it gets",
      caption:
        "To the right, ever fewer messages, ever slower: at 99.9 %, one in a thousand takes longer.",
    }, [
      whole,
      ...parts.length === 0
        ? []
        : [{ name: "sent → received", times: relayLatency, colour: "third" as const }, ...parts],
    ]),
    ...slices.length < 2 ? [] : overTime(slices),
  ];
}

const SECONDS: Axis = { label: "time", scale: "linear", unit: "s" };
const LATENCY: Axis = { label: "latency", scale: "log", unit: "ms" };

/** What is measured in every stretch of the run. */
function overTime(slices: readonly LoadSlice[]): Chart[] {
  const xs = slices.map(({ atMs }) => atMs / 1000);
  return [
    throughput(slices, xs),
    latencyOverTime(slices, xs),
    ...cpu(slices, xs),
    ...memory(slices, xs),
  ];
}

function throughput(slices: readonly LoadSlice[], xs: number[]): Chart {
  const spans = lengthsOf(slices);
  const values = slices.map(({ received }, at) => 1000 * received / spans[at]);
  return {
    title: "Throughput",
    caption: "Messages that readers received, in each stretch of the run.",
    alternative: `From ${rate(Math.min(...values))} to ${rate(Math.max(...values))} messages/s.`,
    x: SECONDS,
    y: { label: "messages/s", scale: "linear", unit: "perSecond" },
    xs,
    series: [{ name: "received", values, style: "area", colour: "first" }],
  };
}

function latencyOverTime(slices: readonly LoadSlice[], xs: number[]): Chart {
  const worst = slices.reduce((a, b) => a.p99 > b.p99 ? a : b);
  const [p50, p99] = [worst.p50, worst.p99].map(time);
  return {
    title: "Latency over time",
    caption: "Median and 99th percentile of each stretch: a relay that falls behind climbs.",
    alternative: `At worst, of ${count(slices.length)} stretches, p50 ${p50} and p99 ${p99}.`,
    x: SECONDS,
    y: LATENCY,
    xs,
    series: [
      {
        name: "p99",
        values: slices.map((at) => placeOn(LATENCY, at.p99)),
        style: "line",
        colour: "second",
      },
      {
        name: "p50",
        values: slices.map((at) => placeOn(LATENCY, at.p50)),
        style: "line",
        colour: "first",
      },
    ],
  };
}

function cpu(slices: readonly LoadSlice[], xs: number[]): Chart[] {
  const spans = lengthsOf(slices);
  const shares = (seconds: (slice: LoadSlice) => number | undefined) =>
    slices.map((slice, at) => {
      const value = seconds(slice);
      return value === undefined ? null : 1000 * value / spans[at];
    });
  const known: Series[] = [
    { name: "relay", values: shares((at) => at.relayCpuSeconds), style: "line", colour: "first" },
    {
      name: "client",
      values: shares((at) => at.clientCpuSeconds),
      style: "line",
      colour: "second",
    },
  ];
  const series = known.filter(({ values }) => values.some((value) => value !== null));
  if (series.length === 0) return [];
  const most = series.map(({ name, values }) =>
    `${name} at most ${share(Math.max(...values.filter((value) => value !== null)))}`
  );
  return [{
    title: "CPU",
    caption: "In parts of one core: above 100 %, more than one was busy.",
    alternative: `CPU of one core: ${most.join(", ")}.`,
    x: SECONDS,
    y: { label: "of one core", scale: "linear", unit: "share" },
    xs,
    series,
  }];
}

function memory(slices: readonly LoadSlice[], xs: number[]): Chart[] {
  const values = slices.map(({ relayRssBytes }) => relayRssBytes ?? null);
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return [];
  return [{
    title: "Memory of the relay",
    caption: "What the process holds (RSS) at the end of each stretch.",
    alternative: `From ${bytes(known[0])} to ${bytes(known.at(-1)!)}.`,
    x: SECONDS,
    y: { label: "RSS", scale: "linear", unit: "bytes" },
    xs,
    series: [{ name: "relay", values, style: "area", colour: "third" }],
  }];
}
