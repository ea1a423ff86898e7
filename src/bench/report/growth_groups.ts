/**
 * Loads that differ in one number.
 *
 * @module
 */

import type { LoadResult, LoadSettings } from "../result.ts";
import { rate } from "../summary/figures.ts";
import type { Unit } from "./chart.ts";

/** A number that sets loads apart. */
interface Subject {
  readonly name: string;
  /** What it is called on an axis; it may tell what all the loads have in common. */
  readonly label: (first: LoadResult) => string;
  readonly unit: Unit;
  readonly value: (result: LoadResult) => number;
  /** The settings that it is made of; all others are the same in all loads. */
  readonly of: readonly (keyof LoadSettings)[];
  /** What else is the same in all of them. */
  readonly common?: (settings: LoadSettings) => number;
  /** Whether it is about loads whose consumers come late (default: about the others). */
  readonly late?: true;
}

const setting = (
  name: "channels" | "rate" | "consumers" | "size" | "durationMs" | "slow",
  label: string,
  unit: Unit,
): Subject => ({
  name,
  label: () => label,
  unit,
  value: ({ settings }) => settings[name],
  of: [name],
});

const SUBJECTS: readonly Subject[] = [
  setting("channels", "channels", "count"),
  {
    ...setting("channels", "", "count"),
    label: ({ settings }) => `channels, ${rate(totalRate(settings))} messages/s in all`,
    of: ["channels", "rate"],
    common: totalRate,
  },
  setting("rate", "messages/s of each channel", "perSecond"),
  setting("consumers", "consumers of each channel", "count"),
  setting("size", "bytes of a message", "bytes"),
  setting("durationMs", "duration", "ms"),
  setting("slow", "slow consumers of each channel", "count"),
  {
    name: "idle",
    label: () => "length of the silence before",
    unit: "ms",
    value: ({ settings }) => settings.idleMs ?? 0,
    of: ["idleMs"],
  },
  {
    name: "log",
    label: () => "size of the log",
    unit: "bytes",
    value: ({ settings, sent }) => sent / settings.channels * settings.size,
    of: ["rate", "durationMs"],
    late: true,
  },
];

/** Fewer points make no line. */
const LEAST = 3;

function totalRate({ channels, rate }: LoadSettings): number {
  return Math.round(channels * rate);
}

/** Loads that differ in one number alone, the smallest first. */
export interface GrowthGroup {
  /** The number's name, a word. */
  readonly subject: string;
  readonly label: string;
  readonly unit: Unit;
  readonly points: readonly GrowthPoint[];
}

/** A load, with the number that sets it apart. */
export interface GrowthPoint {
  readonly at: number;
  readonly result: LoadResult;
}

/** The groups there are among `results`, each of three loads at least. How many processes made a load is no matter. */
export function growthGroups(results: readonly LoadResult[]): GrowthGroup[] {
  return SUBJECTS.flatMap((subject) => groupsOf(subject, results));
}

function groupsOf(subject: Subject, results: readonly LoadResult[]): GrowthGroup[] {
  const { name, label, unit, value, late = false } = subject;
  const fitting = results.filter(({ settings }) => settings.late === late);
  const alike = Map.groupBy(fitting, ({ settings }) => commonOf(subject, settings));
  return [...alike.values()].flatMap((group) => {
    const points = group.map((result) => ({ at: value(result), result }))
      .sort((a, b) => a.at - b.at);
    if (new Set(points.map(({ at }) => at)).size < LEAST) return [];
    return [{ subject: name, label: label(group[0]), unit, points }];
  });
}

/** What loads of one group have in common. */
function commonOf({ of, common }: Subject, settings: LoadSettings): string {
  const rest = Object.entries({ idleMs: 0, ...settings, processes: 0 })
    .filter(([name]) => !of.includes(name as keyof LoadSettings)).sort();
  return JSON.stringify([common?.(settings), rest]);
}
