/**
 * What a result says, in words and tables: the same on the terminal and in the report.
 *
 * @module
 */

import { bytes, clockStep, count } from "./figures.ts";
import { loadSummary } from "./load_summary.ts";
import { maxSummary } from "./max_summary.ts";
import type { BenchResult, ResultHead } from "../result.ts";
import { ttftSummary } from "./ttft_summary.ts";

/** A result for people. */
export interface Summary {
  /** The answer, one sentence. */
  readonly headline: string;
  /** What has to be known before any figure is believed: an interrupt, faults, a client that was the limit. */
  readonly warnings: readonly string[];
  /** What the run itself has to say of its figures. */
  readonly notes: readonly string[];
  /** What was measured: name and value. */
  readonly facts: readonly Fact[];
  readonly tables: readonly Table[];
  /** How it was measured and checked, a sentence each. */
  readonly remarks: readonly string[];
}

/** What is said of one kind of result. */
export type OwnSummary = Omit<Summary, "notes">;

/** A name and its value. */
export type Fact = readonly [name: string, value: string];

/** Figures; every cell has its unit. */
export interface Table {
  readonly caption: string;
  /** Heads of the columns, that of the labels included. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * What `result` says.
 *
 * @example
 * ```ts
 * import { summaryOf } from "./summary.ts";
 * import { makeMaxResult } from "../../../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * const { headline } = summaryOf(makeMaxResult());
 * assert.match(headline, /^The largest load that held: /);
 * ```
 */
export function summaryOf(result: BenchResult): Summary {
  const own = ownSummary(result);
  return {
    ...own,
    warnings: [...endOf(result), ...own.warnings],
    facts: [...own.facts, ...origin(result)],
    remarks: [
      ...own.remarks,
      `The clock goes in steps of ${clockStep(result.clock.resolutionMs)}: nothing here is finer.`,
    ],
    notes: result.notes,
  };
}

const UNTIL_THEN = "these are the figures of what was done until then.";

/** What ended it before its time. */
function endOf(result: BenchResult): string[] {
  if (result.kind === "ttft" && result.failure !== undefined) {
    const what = result.faults?.broken ? "A stream broke" : "It ended early";
    return [`${what}: ${result.failure}; ${UNTIL_THEN}`];
  }
  return result.partial ? [`Interrupted: ${UNTIL_THEN}`] : [];
}

function ownSummary(result: BenchResult): OwnSummary {
  switch (result.kind) {
    case "ttft":
      return ttftSummary(result);
    case "load":
      return loadSummary(result);
    case "max":
      return maxSummary(result);
  }
}

/** Where a result comes from. */
function origin({ relay, machine, startedAt, command }: ResultHead): Fact[] {
  const version = relay.version === undefined ? "" : `, streamrelay ${relay.version}`;
  const whose = relay.own ? "a process of its own, started for this run" : "one that was there";
  const { cpu, cores, memoryBytes, os } = machine;
  const processor = cpu === "" ? "" : ` ${cpu},`;
  return [
    ["relay", `${relay.url}, ${whose}${version}`],
    ["machine", `${count(cores)} ×${processor || " CPU,"} ${bytes(memoryBytes)}, ${os}`],
    ["versions", `streamrelay ${machine.streamrelay}, Deno ${machine.deno}`],
    ["started", startedAt],
    ["command", command],
  ];
}
