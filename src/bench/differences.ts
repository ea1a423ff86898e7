/**
 * What else differs between two results, so that nobody takes it for the relay.
 *
 * @module
 */

import { anyFault } from "./summary/limit_words.ts";
import type { BenchResult } from "./result.ts";

/** Values by name, one of which may differ. */
type Fields = Readonly<Record<string, unknown>>;

/** A sentence for each kind of difference, and for each side whose figures are not to be trusted as they are. */
export function differencesBetween(a: BenchResult, b: BenchResult): string[] {
  const { streamrelay: versionA, deno: denoA, ...machineA } = a.machine;
  const { streamrelay: versionB, deno: denoB, ...machineB } = b.machine;
  return [
    ...different("settings", settingsOf(a), settingsOf(b)),
    ...different("machines", { ...machineA }, { ...machineB }),
    ...different(
      "versions",
      { bench: versionA, deno: denoA, relay: a.relay.version },
      { bench: versionB, deno: denoB, relay: b.relay.version },
    ),
    ...different("relays", relayOf(a), relayOf(b)),
    ...doubts("A", a),
    ...doubts("B", b),
  ];
}

function settingsOf(result: BenchResult): Fields {
  switch (result.kind) {
    case "ttft":
      return { ...result.model, method: result.perToken.method };
    case "load":
      return { ...result.settings };
    case "max":
      return { ...result.settings, sloMs: result.sloMs };
  }
}

/** The port of a relay that was started for a run says nothing. */
function relayOf({ relay: { own, url } }: BenchResult): Fields {
  return own ? { url: "its own" } : { url };
}

function different(what: string, a: Fields, b: Fields): string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const parts = names.filter((name) => a[name] !== b[name])
    .map((name) => `${name} ${shown(a[name])} and ${shown(b[name])}`);
  return parts.length === 0 ? [] : [`Different ${what}: ${parts.join("; ")}.`];
}

const shown = (value: unknown) => value === undefined ? "unknown" : String(value);

function doubts(side: string, result: BenchResult): string[] {
  return [
    ...(result.partial ? [`${side} was interrupted.`] : []),
    ...(faulty(result) ? [`${side} has faults.`] : []),
    ...(result.kind === "load" && result.limit === "client"
      ? [`In ${side} the client is the limit: its latencies are its own, not the relay's.`]
      : []),
    ...(result.kind === "max" && result.held === undefined ? [`In ${side} no load held.`] : []),
  ];
}

/** A load of `max` that did not hold may well have had some. */
function faulty(result: BenchResult): boolean {
  return result.kind !== "max" && result.faults !== undefined && anyFault(result.faults);
}
