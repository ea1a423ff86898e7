/**
 * Where an axis is labelled, and with what.
 *
 * @module
 */

import { bytes, count, digits, rate } from "../summary/figures.ts";
import type { Axis, Unit } from "./chart.ts";

/** Above this factor from end to end, whole decades are labelled, and 2 and 5 where there is room. */
const WIDE = 8;
const ROUND = [1, 2, 5];
/** Of these there are no parts. */
const WHOLE: readonly Unit[] = ["count", "tokens"];
const KIB = Math.log(1024);
/** With some to spare for what rounding makes of it. */
const MINUTE_MS = 60_000 - 1e-6;
/** Steps may be so much smaller than there is room for: half a label more is better than half the labels. */
const TOLERANCE = 0.85;

/** The value that stands at `place`. */
export function valueAt({ scale }: Axis, place: number): number {
  return scale === "linear" ? place : scale === "log" ? 10 ** place : 1 - 10 ** -place;
}

/** At most `most` places from `low` to `high`, at round values. */
export function ticksOf(axis: Axis, [low, high]: [number, number], most: number): number[] {
  if (axis.scale === "nines") return thinned(wholeFrom(low, high), most);
  const unit = axis.unit === "bytes" ? 1024 ** Math.floor(Math.log(valueAt(axis, high)) / KIB) : 1;
  if (axis.scale === "linear") {
    const least = WHOLE.includes(axis.unit) ? 1 : 0;
    return linear([low / unit, high / unit], most, least).map((at) => at * unit);
  }
  if (axis.unit === "bytes") return powersOfTwo(low, high, most);
  const [least, largest] = [10 ** low, 10 ** high];
  if (largest / least < WIDE) return linear([least, largest], most).map(Math.log10);
  const decades = wholeFrom(Math.floor(low), high);
  const all = decades.flatMap((decade) => ROUND.map((digit) => Math.log10(digit) + decade))
    .filter((place) => place >= low && place <= high);
  if (all.length <= most) return all;
  return thinned(decades.filter((place) => place >= low), most);
}

/** Whether `places` are so far from each other that each can be labelled with its own number: few points, each of them a run. */
export function haveRoom(places: readonly number[], room: number): boolean {
  return places.every((place, at) => at === 0 || place - places[at - 1] >= room);
}

function wholeFrom(low: number, high: number): number[] {
  const first = Math.ceil(low);
  return Array.from({ length: Math.max(0, Math.floor(high) - first + 1) }, (_, at) => first + at);
}

function powersOfTwo(low: number, high: number, most: number): number[] {
  const power = Math.log10(2);
  return thinned(wholeFrom(low / power, high / power), most).map((exponent) => exponent * power);
}

function thinned(places: number[], most: number): number[] {
  const every = Math.ceil(places.length / Math.max(1, most));
  return places.filter((_, at) => at % every === 0);
}

/** At round steps, of `least` at least. */
function linear([low, high]: [number, number], most: number, least = 0): number[] {
  if (!(high > low)) return [low];
  const raw = Math.max((high - low) / Math.max(1, most), least);
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [...ROUND, 10].map((digit) => digit * magnitude).find((size) =>
    size >= raw * TOLERANCE
  )!;
  return wholeFrom(low / step, high / step).map((times) => Number((times * step).toPrecision(12)));
}

/** A value in words, short enough for an axis: `0.5 ms`, `99.9 %`. */
export function tickText(axis: Axis, place: number): string {
  const value = valueAt(axis, place);
  if (axis.scale !== "nines") return valueText(axis.unit, value);
  return `${Number((100 * value).toFixed(Math.max(0, Math.round(place) - 2)))} %`;
}

/** A value with its unit. */
export function valueText(unit: Unit, value: number): string {
  switch (unit) {
    case "ms":
      if (value >= MINUTE_MS) return `${short(value / MINUTE_MS)} min`;
      return value >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`;
    case "s":
      return `${short(value)} s`;
    case "µs":
      return `${short(value)} µs`;
    case "tokens":
      return `${count(value)} tokens`;
    case "perSecond":
      return `${rate(value)}/s`;
    case "share":
      return `${short(100 * value)} %`;
    case "bytes":
      return bytes(Math.round(value));
    case "count":
      return count(value);
  }
}

/** Without zeros at its end. */
const short = (value: number) => String(Number(digits(value)));
