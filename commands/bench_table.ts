/**
 * What the bench prints: sentences and aligned tables, plain text.
 *
 * @module
 */

import type { BenchResult } from "../src/bench/result.ts";
import { type Fact, type Summary, summaryOf, type Table } from "../src/bench/summary/summary.ts";

/** No line is longer, but for a word that is; in a pipe lines are as long. */
const COLUMNS = 100;
/** Of a terminal that is narrower still, lines are broken by the terminal. */
const FEWEST_COLUMNS = 20;
const GAP = "  ";
/** What begins like a number, or stands for one that is not known. */
const FIGURE = /^[-–\d]/;

/** How many columns sentences may take on a terminal of so many; `undefined` is none. */
export function columnsFor(terminal: number | undefined): number {
  return Math.max(FEWEST_COLUMNS, Math.min(COLUMNS, terminal ?? COLUMNS));
}

/**
 * A result in words and tables, of at most `columns` columns; tables are as wide as they must be.
 *
 * @example
 * ```ts
 * import { resultTable } from "./bench_table.ts";
 * import { makeTtftResult } from "../tests/helpers/bench_results.ts";
 * import assert from "node:assert/strict";
 *
 * assert.match(resultTable(makeTtftResult()), /^First token after 42\d ms, 37 times sooner/);
 * ```
 */
export function resultTable(result: BenchResult, columns = COLUMNS): string {
  return summaryText(summaryOf(result), columns);
}

/** A summary as text. */
export function summaryText(summary: Summary, columns = COLUMNS): string {
  const { headline, warnings, notes, facts, tables, remarks } = summary;
  const blocks = [
    warnings.map((warning) => wrap(warning, { columns, first: "! ", further: "  " })),
    [wrap(headline, { columns })],
    notes.map((note) => wrap(note, { columns })),
    ...tables.map((table) => [tableText(table, columns)]),
    remarks.map((remark) => wrap(remark, { columns })),
    [factsText(facts, columns)],
  ];
  return `${
    blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n")
  }\n`;
}

/** Columns that are as wide as they must be, figures right and words left. */
export function tableText({ caption, columns, rows }: Table, most = COLUMNS): string {
  const all = [columns, ...rows];
  const lines = all.map(() => "");
  for (const [at] of columns.entries()) {
    const width = Math.max(...all.map((cells) => widthOf(cells[at])));
    const right = rows.every((cells) => FIGURE.test(cells[at]));
    for (const [row, cells] of all.entries()) {
      const space = " ".repeat(width - widthOf(cells[at]));
      lines[row] += GAP + (right ? space + cells[at] : cells[at] + space);
    }
  }
  return [wrap(caption, { columns: most }), ...lines.map((line) => line.trimEnd())].join("\n");
}

/** Names and values; what does not fit goes on below the value. */
export function factsText(facts: readonly Fact[], columns = COLUMNS): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, value]) => {
    const end = name === "command" ? " \\" : ""; // so that it can be pasted
    const [first, further] = [name.padEnd(width) + GAP, " ".repeat(width) + GAP];
    return wrap(value, { columns, first, further, end });
  }).join("\n");
}

const widthOf = (text: string) => [...text].length;

/** Options of {@linkcode wrap}. */
export interface WrapOptions {
  /** Most columns of a line (default 100). */
  readonly columns?: number;
  /** What the first line begins with (default nothing), and what the others do (default: as the first). */
  readonly first?: string;
  readonly further?: string;
  /** What each line that is broken ends with (default nothing). */
  readonly end?: string;
}

/** Breaks `text` between words. */
export function wrap(
  text: string,
  { columns = COLUMNS, first = "", further = first, end = "" }: WrapOptions = {},
): string {
  const room = columns - widthOf(further) - widthOf(end);
  const lines = [""];
  for (const word of text.split(" ")) {
    const before = lines.at(-1)!;
    if (before !== "" && widthOf(before) + 1 + widthOf(word) > room) lines.push(word);
    else lines[lines.length - 1] = before === "" ? word : `${before} ${word}`;
  }
  return lines.map((line, at) =>
    (at === 0 ? first : further) + line + (at < lines.length - 1 ? end : "")
  ).join("\n");
}
