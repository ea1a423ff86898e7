/**
 * What `bench ttft` says.
 *
 * @module
 */

import { count, counted, factor, rate, span, time } from "./figures.ts";
import { anyFault, faultWords } from "./limit_words.ts";
import type { LatencySummary } from "../latencies.ts";
import { percentileColumns, percentileRow, PERCENTILES } from "./percentiles.ts";
import type { ModelSettings, TtftResult } from "../result.ts";
import type { OwnSummary, Table } from "./summary.ts";

/** With fewer runs than this, their p99 is simply the slowest. */
const RUNS_FOR_P99 = 100;

/** The summary of a `ttft` result. */
export function ttftSummary(result: TtftResult): OwnSummary {
  const { runs, model, perToken, faults } = result;
  const faulty = faults !== undefined && anyFault(faults);
  return {
    headline: headlineOf(result),
    warnings: faulty ? [`Faults: ${faultWords(faults)}.`] : [],
    facts: [["model", modelOf(model)], ["runs", runsOf(runs.length)]],
    tables: [
      beside(result),
      added(result),
      rhythm(result),
    ],
    remarks: [
      ...(faults === undefined || faulty ? [] : [verified(result)]),
      METHODS[perToken.method],
      OWN_SHARE,
    ],
  };
}

const METHODS: Record<TtftResult["perToken"]["method"], string> = {
  "one clock": "Sending to receiving is measured by one clock: producer and consumer are in one " +
    "process, so it holds the client's two sides, the kernel and the relay.",
  "ping-pong halves": "Sending to receiving is half of there and back (ping-pong halves): " +
    "the hosts have no common clock, so the two ways are taken to be equally long.",
};

const OWN_SHARE = "Times of tokens count from when they were sent, so a model that is late moves " +
  "the first token, and nothing of what the relay adds.";

function headlineOf({ streaming, batch }: TtftResult): string {
  const [soon, late] = [streaming.firstToken, batch.firstToken];
  if (soon.count === 0) return "No run came to its first token.";
  const first = `First token after ${time(soon.p50)}`;
  if (late.count === 0) return `${first}; no run came to its end, so batch mode has no figure.`;
  const sooner = late.p50 / soon.p50;
  if (!(sooner >= 1.05)) return `${first}; in batch mode it is ${time(late.p50)}: no gain.`;
  return `${first}, ${factor(sooner)} times sooner than in batch mode: ${time(late.p50)}.`;
}

function modelOf({ prefillMs, tokens, rate: perSecond, replay, encrypted }: ModelSettings): string {
  const pace = perSecond === undefined
    ? `, at the recorded times of ${replay ?? "a file"}`
    : ` at ${rate(perSecond)} tokens/s: ${span(1000 * tokens / perSecond)}`;
  const after = perSecond === undefined ? "" : `, after ${span(prefillMs)} of prefill`;
  const sealed = encrypted ? ", encrypted from end to end" : ", not encrypted";
  return `${counted(tokens, "token")}${pace}${after}${sealed}`;
}

function runsOf(runs: number): string {
  const p99 = runs > 1 && runs < RUNS_FOR_P99 ? "; p99 is the slowest of so few" : "";
  return `${count(runs)}${p99}`;
}

/** Streaming beside batch, a percentile a row. */
function beside({ streaming, batch }: TtftResult): Table {
  const shown = PERCENTILES.filter(([name]) => name !== "max");
  const rows = (label: string, soon: LatencySummary, late: LatencySummary) =>
    shown.map(([name, key]) => besideRow(`${label}, ${name}`, soon, late, key));
  return {
    caption: "From the job's start to what the reader sees",
    columns: ["time", "streaming", "in batch mode", "sooner"],
    rows: [
      ...rows("first token", streaming.firstToken, batch.firstToken),
      ...rows("all tokens", streaming.total, batch.total),
    ],
  };
}

function besideRow(
  label: string,
  streaming: LatencySummary,
  batch: LatencySummary,
  key: keyof LatencySummary,
): string[] {
  const [soon, late] = [streaming[key], batch[key]];
  const cells = [soon, late].map(time).map((cell, at) => [streaming, batch][at].count ? cell : "–");
  const known = streaming.count > 0 && batch.count > 0 && soon > 0;
  return [label, ...cells, known ? `${factor(late / soon)} ×` : "–"];
}

function added({ perToken: { latency, path } }: TtftResult): Table {
  return {
    caption: `What the relay adds to a token, of ${counted(latency.count, "token")}`,
    columns: percentileColumns("time"),
    rows: [
      percentileRow("token: sent → received", latency),
      percentileRow("empty request: there and back", path),
    ],
  };
}

function rhythm({ gaps, jitter, ownShare }: TtftResult): Table {
  return {
    caption: "The rhythm of the tokens",
    columns: percentileColumns("time"),
    rows: [
      percentileRow("gap between tokens as sent", gaps.sent),
      percentileRow("gap between tokens as received", gaps.received),
      percentileRow("jitter: |gap received − gap sent|", jitter),
      percentileRow("own share: model behind schedule", ownShare),
    ],
  };
}

function verified({ perToken: { latency } }: TtftResult): string {
  return `Verified: ${counted(latency.count, "token")} came as they were sent.`;
}
