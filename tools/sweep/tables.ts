/**
 * The figures of sweeps as tables for a document.
 *
 * @module
 */

import {
  type GrowthGroup,
  growthGroups,
  type GrowthPoint,
} from "../../src/bench/report/growth_groups.ts";
import { valueText } from "../../src/bench/report/ticks.ts";
import type { BenchResult, LoadResult } from "../../src/bench/result.ts";
import { bytes, digits, share, time } from "../../src/bench/summary/figures.ts";

/** A column: its head, and what stands in it; `undefined` where that is not known. */
type Column = readonly [head: string, text: (result: LoadResult) => string | undefined];

const MEMORY: Column = ["relay memory", ({ relayUse }) => relayUse && bytes(relayUse.rssBytesPeak)];
const PER_MESSAGE: Column = [
  "relay CPU per message",
  ({ relayUse }) => relayUse && `${digits(relayUse.cpuMicrosecondsPerMessage)} µs`,
];

const LIVE: readonly Column[] = [
  ["p50", ({ latency }) => time(latency.p50)],
  ["p99", ({ latency }) => time(latency.p99)],
  ["client's own p99", ({ ownShare }) => time(ownShare.p99)],
  PER_MESSAGE,
  ["of a core", ({ relayUse, seconds }) => relayUse && share(relayUse.cpuSeconds / seconds)],
  MEMORY,
  ["limit", ({ limit }) => limit],
];

const SILENT: readonly Column[] = [
  [
    "relay CPU in it",
    ({ silence }) =>
      silence?.relayCpuSeconds === undefined
        ? undefined
        : `${digits(100 * silence.relayCpuSeconds / silence.seconds)} %`,
  ],
  ...LIVE,
];

const LATE: readonly Column[] = [
  ["first message", ({ latency }) => time(latency.min)],
  ["last message", ({ latency }) => time(latency.max)],
  [
    "content a second",
    ({ received, settings, seconds }) => bytes(received * settings.size / seconds),
  ],
  PER_MESSAGE,
  MEMORY,
  ["client memory", ({ clientUse }) => clientUse && bytes(clientUse.rssBytesPeak)],
  ["limit", ({ limit }) => limit],
];

/** A table in Markdown for each number in which three or more of `results` differ. */
export function growthTables(results: readonly BenchResult[]): string {
  return growthGroups(results.filter((result) => result.kind === "load")).map(tableOf).join("\n");
}

function tableOf({ subject, label, unit, points }: GrowthGroup): string {
  const columns = subject === "idle" ? SILENT : subject === "log" ? LATE : LIVE;
  const row = ({ at, result }: GrowthPoint) => [
    valueText(unit, at),
    ...columns.map(([, text]) => text(result) ?? "–"),
  ];
  const rows = [[label, ...columns.map(([head]) => head)], [
    "--",
    ...columns.map(() => "--:"),
  ], ...points.map(row)];
  return rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
