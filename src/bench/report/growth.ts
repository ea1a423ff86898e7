/**
 * How cost grows: several loads that differ in one number.
 *
 * @module
 */

import type { LoadResult, LoadSettings } from "../result.ts";
import { type Axis, type Chart, placeOn, type Series, type Unit } from "./chart.ts";
import { valueText } from "./ticks.ts";

/** Numbers of which one may differ, with what they are called; how many processes made the load is no matter. */
const SUBJECTS = {
  channels: ["channels", "count"],
  rate: ["messages/s of each channel", "perSecond"],
  consumers: ["consumers of each channel", "count"],
  size: ["bytes of a message", "bytes"],
  durationMs: ["duration", "ms"],
  slow: ["slow consumers of each channel", "count"],
} as const satisfies Partial<Record<keyof LoadSettings, readonly [string, Unit]>>;

type Subject = keyof typeof SUBJECTS;

/** Fewer points make no line. */
const LEAST = 3;
/** From this factor between the ends on, an axis is logarithmic. */
const WIDE = 8;

/** The one number in which the settings of `results` differ; `undefined` where it is none or several. */
export function subjectOf(results: readonly LoadResult[]): Subject | undefined {
  const { processes: _, ...first } = results[0].settings;
  const names = Object.keys(first) as (keyof typeof first)[];
  const differing = names.filter((name) =>
    results.some(({ settings }) => settings[name] !== first[name])
  );
  const [only] = differing;
  return differing.length === 1 && Object.hasOwn(SUBJECTS, only) ? only as Subject : undefined;
}

/** A load, with the number that sets it apart. */
interface Point {
  readonly at: number;
  readonly result: LoadResult;
}

/** What grows: the name of its axis, what it is called in a line, and how it is got. */
interface Growing {
  readonly title: string;
  readonly large?: boolean;
  readonly y: Axis;
  readonly lines: readonly {
    readonly name: string;
    readonly colour: Series["colour"];
    readonly value: (result: LoadResult) => number | undefined;
  }[];
}

const GROWING: readonly Growing[] = [
  {
    title: "Latency",
    large: true,
    y: { label: "latency", scale: "log", unit: "ms" },
    lines: [
      { name: "p99", colour: "second", value: ({ latency }) => latency.p99 },
      { name: "p50", colour: "first", value: ({ latency }) => latency.p50 },
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
];

/**
 * Charts of what grows against the one number in which `results` differ; none with fewer than three loads, or where
 * they differ in more.
 */
export function growthCharts(results: readonly LoadResult[]): Chart[] {
  const subject = results.length < LEAST ? undefined : subjectOf(results);
  if (subject === undefined) return [];
  const points = results.map((result) => ({ at: result.settings[subject], result }))
    .sort((a, b) => a.at - b.at);
  const x = axisOf(subject, points);
  return GROWING.map((growing) => chartOf(growing, x, points))
    .filter(({ series }) => series.some(({ values }) => values.some((value) => value !== null)));
}

function axisOf(subject: Subject, points: readonly Point[]): Axis {
  const [label, unit] = SUBJECTS[subject];
  const wide = points[0].at > 0 && points.at(-1)!.at / points[0].at >= WIDE;
  return { label, unit, scale: wide ? "log" : "linear" };
}

function chartOf({ title, y, lines, large }: Growing, x: Axis, points: readonly Point[]): Chart {
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
