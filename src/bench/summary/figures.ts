/**
 * Figures as people read them: three digits that mean something, and a unit.
 *
 * @module
 */

const KIB = 1024;
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number with three significant digits and at most `decimals` after the point. */
export function digits(value: number, decimals = 3): string {
  const size = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(decimals, Math.max(0, 2 - size)));
}

/** A time of `ms`, in ms, or from a second on in s: in the unit of a larger one beside it, its digits would be lost. */
export function time(ms: number): string {
  return ms >= 999.5 ? `${digits(ms / 1000)} s` : `${digits(ms)} ms`;
}

/** A time that was set rather than measured: `50 ms`, `0.4 s`, `15 s`. */
export function span(ms: number): string {
  return ms < 100 ? `${Number(digits(ms))} ms` : `${Number((ms / 1000).toFixed(3))} s`;
}

/** The step of a clock, which may be far below a millisecond. */
export function clockStep(ms: number): string {
  const [value, unit] = ms >= 1 ? [ms, "ms"] : ms >= 0.001 ? [ms * 1e3, "µs"] : [ms * 1e6, "ns"];
  return `${Number(digits(value))} ${unit}`;
}

/** Like `82.1 MiB`. */
export function bytes(value: number): string {
  let unit = 0;
  let left = value;
  for (; left >= KIB && unit < BYTE_UNITS.length - 1; unit++) left /= KIB;
  return `${unit === 0 || Number.isInteger(left) ? left : digits(left, 1)} ${BYTE_UNITS[unit]}`;
}

/** A whole number like `40,000`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Like `1 channel`, `2 channels`. */
export function counted(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? "" : "s"}`;
}

/** A rate, without its unit: `39,998`, or `2.5` where that is little. */
export function rate(perSecond: number): string {
  if (perSecond >= 100 || Number.isInteger(perSecond)) return count(perSecond);
  return String(Number(digits(perSecond, 2)));
}

/** A part of 1, like `42 %`; a tenth of a per cent is told near 100. */
export function share(value: number): string {
  const percent = 100 * value;
  return `${percent > 90 && percent < 100 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** How many times: `36`, `2.4`. */
export function factor(value: number): string {
  return value >= 9.95 ? count(value) : value >= 1.095 ? value.toFixed(1) : value.toFixed(2);
}
