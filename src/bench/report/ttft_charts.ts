/**
 * The charts of `bench ttft`.
 *
 * @module
 */

import type { TtftResult, TtftRun } from "../result.ts";
import { count, time } from "../summary/figures.ts";
import type { Chart } from "./chart.ts";
import { histogramChart, type NamedTimes, percentileChart } from "./latency_charts.ts";

/** Part of the time of a run that is shown after its end. */
const AFTER = 0.04;

/** The charts of a `ttft` result. */
export function ttftCharts(result: TtftResult): Chart[] {
  const { perToken, gaps, jitter } = result;
  const token: NamedTimes = { name: "sent → received", times: perToken.latency, colour: "first" };
  const path: NamedTimes = { name: "empty, there and back", times: perToken.path, colour: "third" };
  const received: NamedTimes = { name: "gap received", times: gaps.received, colour: "first" };
  const sent: NamedTimes = { name: "gap sent", times: gaps.sent, colour: "second" };
  return [
    ...tokensOverTime(result),
    ...histogramChart({
      title: "What the relay adds to a token",
      caption: "How many of all tokens took how long from sending to receiving. " +
        "The slowest thousandth is left to the percentile curve.",
    }, [token]),
    ...percentileChart({
      title: "What it adds at worst",
      caption:
        "To the right, ever fewer tokens, ever slower: at 99 %, one in a hundred takes longer.",
    }, [token, path]),
    ...histogramChart({
      title: "Gaps between tokens",
      caption: "Where both agree, the reader sees the rhythm in which the model writes.",
      scale: "linear",
    }, [received, sent]),
    ...percentileChart({
      title: "Gaps and jitter at worst",
      caption: "Jitter is the gap received less the gap sent: what the relay adds to the rhythm.",
    }, [received, sent, { name: "jitter", times: jitter, colour: "third" }]),
  ];
}

/** The picture of it all: one run, streaming and in batch mode. */
function tokensOverTime(result: TtftResult): Chart[] {
  const run = typicalRun(result.runs);
  if (run === undefined) return [];
  const { tokens } = result.model;
  const { streaming: { firstToken: { p50: streaming } }, batch: { firstToken: { p50: batch } } } =
    result;
  const [soon, late] = [streaming, batch].map(time);
  const xs = pointsOf(run);
  return [{
    title: "Tokens that the reader has, over time",
    caption: `One of ${count(result.runs.length)} runs, that with the median first token. ` +
      "The same output, once streamed and once delivered when the job ends; the marks are medians.",
    alternative: `Streaming shows the first token after ${soon} and then one after the other; ` +
      `in batch mode all ${count(tokens)} come at once, after ${late}.`,
    x: { label: "time since the job's start", scale: "linear", unit: "s" },
    y: { label: "tokens", scale: "linear", unit: "count" },
    xs: xs.map((ms) => ms / 1000),
    series: [
      { name: "streaming", values: received(run, tokens, xs), style: "stairs", colour: "first" },
      {
        name: "in batch mode",
        values: xs.map((ms) => ms < run.batch.firstToken ? 0 : tokens),
        style: "step",
        colour: "second",
      },
    ],
    marks: [
      { axis: "x", at: streaming / 1000, text: `first token after ${soon}`, colour: "first" },
      { axis: "x", at: batch / 1000, text: `in batch mode ${late}`, colour: "second" },
    ],
    large: true,
  }];
}

function typicalRun(runs: readonly TtftRun[]): TtftRun | undefined {
  const whole = runs.filter(({ receivedAt }) => receivedAt.length > 0);
  const sorted = whole.toSorted((a, b) => a.streaming.firstToken - b.streaming.firstToken);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** All times at which a line has a corner, ms. */
function pointsOf({ receivedAt, batch }: TtftRun): number[] {
  const end = Math.max(receivedAt.at(-1)!, batch.firstToken, batch.total);
  return [...new Set([0, ...receivedAt, batch.firstToken, end * (1 + AFTER)])]
    .sort((a, b) => a - b);
}

/** How many tokens had come by each of `xs`; of a long run only some times are known, evenly taken. */
function received({ receivedAt }: TtftRun, tokens: number, xs: readonly number[]): number[] {
  let known = 0;
  return xs.map((ms) => {
    while (known < receivedAt.length && receivedAt[known] <= ms) known++;
    return Math.round(known * tokens / receivedAt.length);
  });
}
