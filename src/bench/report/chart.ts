/**
 * Charts as the page is given them: everything but pixels.
 *
 * @module
 */

/** How a number is spelt. */
export type Unit = "ms" | "s" | "tokens" | "perSecond" | "share" | "bytes" | "µs" | "count";

/**
 * An axis. Numbers stand where they are on `linear`, at their logarithm (base 10) on `log`, and as the part that is above,
 * `-log10(1 - part)`, on `nines`: 1 is 90 %, 2 is 99 %.
 */
export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log" | "nines";
  readonly unit: Unit;
}

/** Colours by their meaning; the page has one of each for light and dark. */
export type Colour = "first" | "second" | "third" | "quiet";

/** A line, or bars, over the x of its chart. */
export interface Series {
  readonly name: string;
  /** As the y axis has them; `null` where there is none. */
  readonly values: readonly (number | null)[];
  /** `area` is a line and `stairs` a step with what is below it filled. */
  readonly style: "line" | "area" | "step" | "stairs" | "bars";
  readonly colour: Colour;
}

/** A dashed line at a number of one axis. */
export interface Mark {
  readonly axis: "x" | "y";
  readonly at: number;
  readonly text: string;
  readonly colour: Colour;
}

/** One chart. */
export interface Chart {
  readonly title: string;
  /** What is seen, in words. */
  readonly caption: string;
  /** What is read from it, for those who do not see it. */
  readonly alternative: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Ascending. */
  readonly xs: readonly number[];
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
  /** The picture of its result, over the whole width. */
  readonly large?: boolean;
}

/** Where `value` stands on `axis`; `null` where a logarithm has no place for it. */
export function placeOn({ scale }: Axis, value: number): number | null {
  if (scale === "linear") return value;
  if (scale === "log") return value > 0 ? Math.log10(value) : null;
  return value < 1 ? -Math.log10(1 - value) : null;
}
