/**
 * The charts of `bench max`.
 *
 * @module
 */

import type { MaxResult, MaxStep } from "../result.ts";
import { count, rate, share, span, time } from "../summary/figures.ts";
import { type Axis, type Chart, type Mark, placeOn, type Series } from "./chart.ts";

const LOAD: Axis = { label: "messages/s", scale: "log", unit: "perSecond" };
const LATENCY: Axis = { label: "due → received", scale: "log", unit: "ms" };

/** The charts of a `max` result. */
export function maxCharts(result: MaxResult): Chart[] {
  const steps = result.steps.filter(({ messagesPerSecond }) => messagesPerSecond > 0)
    .toSorted((a, b) => a.messagesPerSecond - b.messagesPerSecond);
  if (steps.length < 2) return [];
  const xs = steps.map(({ messagesPerSecond }) => Math.log10(messagesPerSecond));
  return [latency(result, steps, xs), ...cpu(steps, xs), ...memory(steps, xs)];
}

function latency({ sloMs, held }: MaxResult, steps: readonly MaxStep[], xs: number[]): Chart {
  const line = (name: "p50" | "p99", colour: "first" | "second"): Series => ({
    name,
    colour,
    values: steps.map((step) => placeOn(LATENCY, step[name])),
    style: "line",
  });
  return {
    title: "Latency against load",
    caption: "Each point is a run of its own.",
    alternative: steps.map((step) =>
      `At ${rate(step.messagesPerSecond)} messages/s p99 ${time(step.p99)}.`
    )
      .join(" "),
    x: LOAD,
    y: LATENCY,
    xs,
    series: [line("p99", "second"), line("p50", "first")],
    marks: [
      { axis: "y", at: Math.log10(sloMs), text: `limit of p99: ${span(sloMs)}`, colour: "quiet" },
      ...largest(held),
    ],
    large: true,
  };
}

function largest(held: MaxStep | undefined): Mark[] {
  if (held === undefined) return [];
  const { messagesPerSecond } = held;
  const text = `held: ${rate(messagesPerSecond)}/s`;
  return [{ axis: "x", at: Math.log10(messagesPerSecond), text, colour: "third" }];
}

function cpu(steps: readonly MaxStep[], xs: number[]): Chart[] {
  const all: Series[] = [
    {
      name: "relay",
      values: steps.map((at) => at.relayCpuShare ?? null),
      style: "line",
      colour: "first",
    },
    {
      name: "client",
      values: steps.map((at) => at.clientCpuShare ?? null),
      style: "line",
      colour: "second",
    },
  ];
  const series = all.filter(({ values }) => values.some((value) => value !== null));
  if (series.length === 0) return [];
  const last = series.map(({ name, values }) => {
    const value = values.findLast((value) => value !== null);
    return `${name} ${share(value ?? 0)}`;
  });
  return [{
    title: "CPU against load",
    caption: "In parts of one core: near 100 % a process that works in one thread can do no more.",
    alternative: `CPU of one core at the largest load: ${last.join(", ")}.`,
    x: LOAD,
    y: { label: "of one core", scale: "linear", unit: "share" },
    xs,
    series,
  }];
}

function memory(steps: readonly MaxStep[], xs: number[]): Chart[] {
  const values = steps.map(({ relayRssBytes }) => relayRssBytes ?? null);
  if (values.every((value) => value === null)) return [];
  return [{
    title: "Memory against load",
    caption: "What the relay's process holds (RSS).",
    alternative: `Memory of the relay in ${count(steps.length)} runs, see the table.`,
    x: LOAD,
    y: { label: "RSS", scale: "linear", unit: "bytes" },
    xs,
    series: [{ name: "relay", values, style: "line", colour: "third" }],
  }];
}
