/**
 * Parsers for the values of options.
 *
 * @module
 */

import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A whole number of at least `least`. */
export function count(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Give a whole number from ${least} on.`);
    }
    return value;
  };
}

/** A port: 0 to 65535. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535) {
    throw new InvalidArgumentError("Give a number from 0 to 65535.");
  }
  return value;
}

const SECONDS: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600 };

/** A time in seconds (`5`, `0.5`), or with a unit (`90s`, `10m`, `1h`); returns milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError("Give seconds, or a number with s, m or h: 30, 0.5, 10m.");
  }
  const ms = Number(match[1]) * SECONDS[match[2]] * 1000;
  // a timer of the runtime fires at once for more
  if (ms > 2 ** 31 - 1) throw new InvalidArgumentError("Give at most 596h.");
  return ms;
}

/** A duration that is not 0. */
export function someTime(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new InvalidArgumentError("Give more than 0.");
  return ms;
}

const BYTES: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A size in bytes (`65536`), or with a unit (`64k`, `10MiB`, `1G`), units being powers of 1024. */
export function size(text: string): number {
  const match = /^(\d+)([kmg]?)(?:i?b)?$/i.exec(text);
  const value = match === null ? NaN : Number(match[1]) * BYTES[match[2].toLowerCase()];
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("Give bytes, or a number with k, M or G: 65536, 64k, 10MiB.");
  }
  return value;
}
