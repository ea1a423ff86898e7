import assert from "node:assert/strict";
import type { Axis } from "../../src/bench/report/chart.ts";
import { haveRoom, ticksOf, tickText } from "../../src/bench/report/ticks.ts";

const axis = (scale: Axis["scale"], unit: Axis["unit"]): Axis => ({ label: "", scale, unit });

const ms = axis("log", "ms");
const AXES: [
  sentence: string,
  axis: Axis,
  ends: [number, number],
  most: number,
  texts: string[],
][] = [
  ["seconds at round steps", axis("linear", "s"), [0, 10.4], 6, [
    "0 s",
    "2 s",
    "4 s",
    "6 s",
    "8 s",
    "10 s",
  ]],
  ["whole numbers of what has no parts", axis("linear", "count"), [0.9, 3.1], 10, ["1", "2", "3"]],
  ["decades where the axis is wide", ms, [-2.3, 2.2], 6, [
    "0.01 ms",
    "0.1 ms",
    "1 ms",
    "10 ms",
    "100 ms",
  ]],
  ["1, 2 and 5 where there is room", ms, [-1.1, 0.8], 8, [
    "0.1 ms",
    "0.2 ms",
    "0.5 ms",
    "1 ms",
    "2 ms",
    "5 ms",
  ]],
  ["round steps where it is narrow", ms, [Math.log10(23.6), Math.log10(26.4)], 4, [
    "24 ms",
    "25 ms",
    "26 ms",
  ]],
  ["every other decade where it is very wide", ms, [-3, 3], 4, [
    "0.001 ms",
    "0.1 ms",
    "10 ms",
    "1 s",
  ]],
  ["nines", axis("nines", "share"), [0, 5.2], 6, [
    "0 %",
    "90 %",
    "99 %",
    "99.9 %",
    "99.99 %",
    "99.999 %",
  ]],
  ["memory in whole MiB", axis("linear", "bytes"), [0, 130 * 2 ** 20], 4, [
    "0 B",
    "50 MiB",
    "100 MiB",
  ]],
  ["sizes at powers of two", axis("log", "bytes"), [1.1, 6.1], 5, [
    "16 B",
    "256 B",
    "4 KiB",
    "64 KiB",
    "1 MiB",
  ]],
  ["parts as per cent", axis("linear", "share"), [0, 0.11], 3, ["0 %", "5 %", "10 %"]],
];

for (const [sentence, of, ends, most, texts] of AXES) {
  Deno.test(`an axis is labelled with ${sentence}`, () => {
    assert.deepEqual(ticksOf(of, ends, most).map((place) => tickText(of, place)), texts);
  });
}

Deno.test("points are labelled with their own numbers only where these do not touch", () => {
  assert.ok(haveRoom([0, 1, 2], 1));
  assert.ok(!haveRoom([0, 1, 1.5], 1));
});

Deno.test("an axis that has no length is labelled once", () => {
  assert.deepEqual(ticksOf(axis("linear", "s"), [3, 3], 5), [3]);
});
