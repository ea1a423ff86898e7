/**
 * How cost grows: several loads that differ in one number.
 *
 * @module
 */

import type { LoadResult } from "../result.ts";
import { type Axis, type Chart, placeOn, type Series } from "./chart.ts";
import type { GrowthGroup, GrowthPoint } from "./growth_groups.ts";
import { valueText } from "./ticks.ts";

/** From this factor between the ends on, an axis is logarithmic. */
const WIDE = 8;

/** A line: what it is called, and how its values are got. */
interface Line {
  readonly name: string;
  readonly colour: Series["colour"];
  readonly value: (result: LoadResult) => number | undefined;
}

/** What grows. */
interface Growing {
  readonly title: string;
  readonly large?: boolean;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const GROWING: readonly Growing[] = [
  {
    title: "Latency",
    large: true,
    y: { label: "latency", scale: "log", unit: "ms" },
    lines: [
      { name: "p99", colour: "second", value: ({ latency }) => latency.p99 },
      { name: "p50", colour: "first", value: ({ latency }) => latency.p50 },
      { name: "first message", colour: "third", value: replayed(({ latency }) => latency.min) },
    ],
  },
  {
    title: "CPU of the relay per message",
    y: { label: "CPU per message", scale: "log", unit: "µs" },
    lines: [{
      name: "relay",
      colour: "first",
      value: ({ relayUse }) => relayUse?.cpuMicrosecondsPerMessage,
    }],
  },
  {
    title: "Memory of the relay",
    y: { label: "RSS at its peak", scale: "linear", unit: "bytes" },
    lines: [{ name: "relay", colour: "third", value: ({ relayUse }) => relayUse?.rssBytesPeak }],
  },
  {
    title: "Idle CPU of the relay",
    y: { label: "of one core", scale: "linear", unit: "share" },
    lines: [{
      name: "relay",
      colour: "first",
      value: ({ silence }) => silence?.relayCpuSeconds && silence.relayCpuSeconds / silence.seconds,
    }],
  },
  {
    title: "Speed of the replay",
    y: { label: "content a second", scale: "linear", unit: "bytes" },
    lines: [{
      name: "received",
      colour: "first",
      value: replayed(({ received, settings, seconds }) => received * settings.size / seconds),
    }],
  },
];

/** A value that only loads have whose consumers come late. */
function replayed(value: (result: LoadResult) => number): Line["value"] {
  return (result) => result.settings.late ? value(result) : undefined;
}

/** Charts of what grows against the one number in which the loads of a group differ. */
export function growthCharts({ label, unit, points }: GrowthGroup): Chart[] {
  const wide = points[0].at > 0 && points.at(-1)!.at / points[0].at >= WIDE;
  const x: Axis = { label, unit, scale: wide ? "log" : "linear" };
  return GROWING.flatMap((growing) => {
    const lines = growing.lines.filter(({ value }) => points.some(({ result }) => value(result)));
    return lines.length === 0 ? [] : [chartOf({ ...growing, lines }, x, points)];
  });
}

function chartOf(
  { title, y, lines, large }: Growing,
  x: Axis,
  points: readonly GrowthPoint[],
): Chart {
  return {
    title: `${title} by ${x.label}`,
    caption: "Each point is a run of its own.",
    large,
    alternative: lines.map(({ name, value }) =>
      `${name}: ${
        points.map(({ at, result }) =>
          `${valueText(y.unit, value(result) ?? 0)} at ${valueText(x.unit, at)}`
        ).join(", ")
      }.`
    ).join(" "),
    x,
    y,
    xs: points.map(({ at }) => placeOn(x, at) ?? 0),
    series: lines.map(({ name, colour, value }) => ({
      name,
      colour,
      style: "line",
      values: points.map(({ result }) => {
        const grown = value(result);
        return grown === undefined ? null : placeOn(y, grown);
      }),
    })),
  };
}
