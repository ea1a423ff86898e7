/**
 * What else differs between two results, so that nobody takes it for the relay.
 *
 * @module
 */

import { anyFault } from "./summary/limit_words.ts";
import type { BenchResult } from "./result.ts";

/** Values by name, one of which may differ. */
type Fields = Readonly<Record<string, unknown>>;

/** Limits with which latencies are not those of the relay. */
const NOT_OF_THE_RELAY: Readonly<Record<string, string>> = {
  client: "The client is the limit",
  machine: "The machine is the limit",
};

/**
 * A sentence for each kind of difference between the runs of both sides, and for each run whose figures are not to be
 * trusted as they are.
 */
export function differencesBetween(a: readonly BenchResult[], b: readonly BenchResult[]): string[] {
  const different = (what: string, fieldsOf: (result: BenchResult) => Fields) =>
    differences(what, valuesOf(a.map(fieldsOf)), valuesOf(b.map(fieldsOf)));
  return [
    ...different("settings", settingsOf),
    ...different("machines", machineOf),
    ...different("versions", versionsOf),
    ...different("relays", relayOf),
    ...doubts([...labelled("A", a), ...labelled("B", b)]),
  ];
}

/** What a run is called: `A` where it is alone on its side, else `A1`, `A2` and so on. */
export function labelOf(side: string, at: number, runs: number): string {
  return runs === 1 ? side : `${side}${at + 1}`;
}

/** Whether latencies are those of the relay, as far as the run itself can tell. */
export function trustworthy(result: BenchResult): boolean {
  return notOfTheRelay(result) === undefined;
}

function notOfTheRelay(result: BenchResult): string | undefined {
  return result.kind === "ttft" ? undefined : NOT_OF_THE_RELAY[result.limit];
}

/** What was asked for, by name. */
export function settingsOf(result: BenchResult): Fields {
  switch (result.kind) {
    case "ttft":
      return { ...result.model, method: result.perToken.method };
    case "load":
      return { ...result.settings };
    case "max":
      return { ...result.settings, sloMs: result.sloMs };
  }
}

function machineOf({ machine: { streamrelay: _, deno: __, ...machine } }: BenchResult): Fields {
  return { ...machine };
}

function versionsOf({ machine: { streamrelay, deno }, relay }: BenchResult): Fields {
  return { bench: streamrelay, deno, relay: relay.version };
}

/** The port of a relay that was started for a run says nothing. */
function relayOf({ relay: { own, url } }: BenchResult): Fields {
  return own ? { url: "its own" } : { url };
}

/** What the runs of a side have, by name: like `8`, or `2 or 8` where they differ. */
function valuesOf(runs: readonly Fields[]): Map<string, string> {
  const names = runs.flatMap((fields) => Object.keys(fields));
  return new Map(names.map((name) => {
    const values = new Set(runs.map((fields) => shown(fields[name])));
    return [name, [...values].toSorted().join(" or ")];
  }));
}

const UNKNOWN = "unknown";
const shown = (value: unknown) => value === undefined ? UNKNOWN : String(value);

function differences(what: string, a: Map<string, string>, b: Map<string, string>): string[] {
  const names = [...new Set([...a.keys(), ...b.keys()])];
  const parts = names.map((name) => [name, a.get(name) ?? UNKNOWN, b.get(name) ?? UNKNOWN])
    .filter(([, ofA, ofB]) => ofA !== ofB)
    .map(([name, ofA, ofB]) => `${name} ${ofA} and ${ofB}`);
  return parts.length === 0 ? [] : [`Different ${what}: ${parts.join("; ")}.`];
}

type Labelled = readonly [label: string, result: BenchResult];

function labelled(side: string, runs: readonly BenchResult[]): Labelled[] {
  return runs.map((result, at) => [labelOf(side, at, runs.length), result]);
}

/** Each doubt once, with all the runs that it is about. */
function doubts(runs: readonly Labelled[]): string[] {
  const labels = new Map<string, string[]>();
  for (const [label, result] of runs) {
    for (const doubt of doubtsOf(result)) {
      labels.set(doubt, [...labels.get(doubt) ?? [], label]);
    }
  }
  return [...labels].map(([doubt, which]) => doubt.replace(RUNS, which.join(", ")));
}

/** Stands for the runs that a doubt is about. */
const RUNS = "RUNS";

function doubtsOf(result: BenchResult): string[] {
  const limit = notOfTheRelay(result);
  return [
    ...(result.partial ? [`Ended early: ${RUNS}.`] : []),
    ...(faulty(result) ? [`Faults in ${RUNS}.`] : []),
    ...(limit === undefined
      ? []
      : [`${limit} in ${RUNS}: latencies are its own, not the relay's, so there is no verdict.`]),
    ...(result.kind === "max" && result.held === undefined ? [`No load held in ${RUNS}.`] : []),
  ];
}

/** A load of `max` that did not hold may well have had some. */
function faulty(result: BenchResult): boolean {
  return result.kind !== "max" && result.faults !== undefined && anyFault(result.faults);
}
