/**
 * What the bench prints: sentences and aligned tables, plain text.
 *
 * @module
 */

import type { BenchResult } from "../src/bench/result.ts";
import { type Fact, type Summary, summaryOf, type Table } from "../src/bench/summary/summary.ts";

/** No line is longer, but for a word that is. */
const COLUMNS = 100;
const GAP = "  ";
/** What begins like a number, or stands for one that is not known. */
const FIGURE = /^[-–\d]/;

/**
 * A result in words and tables, of at most 100 columns.
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
export function resultTable(result: BenchResult): string {
  return summaryText(summaryOf(result));
}

/** A summary as text. */
export function summaryText(summary: Summary): string {
  const { headline, warnings, notes, facts, tables, remarks } = summary;
  const blocks = [
    warnings.map((warning) => wrap(warning, "! ", "  ")),
    [wrap(headline)],
    notes.map((note) => wrap(note)),
    ...tables.map((table) => [tableText(table)]),
    remarks.map((remark) => wrap(remark)),
    [factsText(facts)],
  ];
  return `${
    blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n")
  }\n`;
}

/** Columns that are as wide as they must be, figures right and words left. */
export function tableText({ caption, columns, rows }: Table): string {
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
  return [wrap(caption), ...lines.map((line) => line.trimEnd())].join("\n");
}

/** Names and values; what does not fit goes on below the value. */
export function factsText(facts: readonly Fact[]): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, value]) => {
    const end = name === "command" ? " \\" : ""; // so that it can be pasted
    return wrap(value, name.padEnd(width) + GAP, " ".repeat(width) + GAP, end);
  }).join("\n");
}

const widthOf = (text: string) => [...text].length;

/** Breaks `text` between words; `end` goes to each line that is broken. */
export function wrap(text: string, first = "", further = first, end = ""): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const before = lines.at(-1)!;
    const room = COLUMNS - widthOf(further) - widthOf(end);
    if (before !== "" && widthOf(before) + 1 + widthOf(word) > room) lines.push(word);
    else lines[lines.length - 1] = before === "" ? word : `${before} ${word}`;
  }
  return lines.map((line, at) =>
    (at === 0 ? first : further) + line + (at < lines.length - 1 ? end : "")
  ).join("\n");
}
