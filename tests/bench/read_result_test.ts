import assert from "node:assert/strict";
import fc from "fast-check";
import { resultTable } from "../../commands/bench_table.ts";
import { compareResults } from "../../src/bench/compare.ts";
import { parseResult } from "../../src/bench/read_result.ts";
import { reportPage } from "../../src/bench/report.ts";
import type { BenchResult } from "../../src/bench/result.ts";
import { GAVE_OUT } from "../../src/bench/summary/limit_words.ts";
import { RelayError } from "../../src/errors.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
  NO_FAULTS,
} from "../helpers/bench_results.ts";

const SILENCE = { seconds: 60, connections: 200, relayCpuSeconds: 0.3, relayRssBytes: 2 ** 27 };
const RESULTS: BenchResult[] = [
  makeTtftResult({ faults: NO_FAULTS }),
  makeLoadResult(),
  makeLoadResult({ settings: { ...LOAD_SETTINGS, idleMs: 60_000 }, silence: SILENCE }),
  makeMaxResult(),
];

for (const result of RESULTS) {
  const name = `a ${result.kind} result${"silence" in result ? " with a silence" : ""}`;
  Deno.test(`${name} is read as it was written`, () => {
    assert.deepEqual(parseResult(JSON.stringify(result), "a.json"), result);
  });

  Deno.test(`${name} with anything else in one place is refused, or all can be done with it`, () => {
    const places = placesIn(result);
    const strange = fc.constantFrom<unknown[]>(undefined, null, "", "x", -1, 1e300, [], {}, true);
    fc.assert(
      fc.property(fc.constantFrom(...places), strange, (place, value) => {
        const parsed = parsedOrRefused(JSON.stringify(changed(result, place, value)));
        if (parsed === undefined) return;
        assert.ok(resultTable(parsed).length > 0);
        assert.match(reportPage([parsed]), /^<!doctype html>/);
        assert.ok(compareResults([parsed], [result]).figures.length >= 0);
      }),
      { numRuns: 150 },
    );
  });
}

Deno.test("what is no result is refused with the file's name", () => {
  const texts = [
    "",
    "not JSON",
    "null",
    "[]",
    "1",
    "{}",
    '{"kind":"echo","version":1}',
    '{"kind":"toString"}',
  ];
  for (const text of texts) {
    assert.throws(() => parseResult(text, "a.json"), {
      code: "usage",
      message: "Cannot use a.json: it is no result of the bench",
    }, text);
  }
});

Deno.test("a result of a newer version is refused with the reason", () => {
  const newer = JSON.stringify({ ...makeMaxResult(), version: 2 });
  assert.throws(() => parseResult(newer, "a.json"), {
    code: "usage",
    message: "Cannot use a.json: a newer version of streamrelay has written it",
  });
});

Deno.test("a histogram that is damaged is found out before anything is made of it", () => {
  const result = makeTtftResult();
  const { jitter } = result;
  const histogram = jitter.histogram.slice(0, 40);
  const damaged = JSON.stringify({ ...result, jitter: { ...jitter, histogram } });
  assert.throws(() => parseResult(damaged, "a.json"), {
    message:
      "Cannot use a.json: it is no whole result of the bench: jitter.histogram is missing, or cannot be so",
  });
});

for (
  const [field, value, result] of [
    ["settings.channels", -1, makeLoadResult()],
    ["settings.channels", 1.5, makeLoadResult()],
    ["settings.rate", 0, makeMaxResult()],
    ["settings.transport", "ws9", makeLoadResult()],
    ["received", -3, makeLoadResult()],
    ["latency.p99", -0.1, makeLoadResult()],
    ["slices[0].received", -3, makeLoadResult()],
    ["slices[0].p50", undefined, makeLoadResult()],
    ["limit", "toString", makeLoadResult()],
    ["steps[0].limit", "moon", makeMaxResult()],
    ["runs[0].streaming.total", "long", makeTtftResult()],
    ["model.tokens", 0, makeTtftResult()],
    ["perToken.method", "guess", makeTtftResult()],
    ["version", 0, makeTtftResult()],
  ] as const
) {
  Deno.test(`a result with ${value} as its ${field} is refused with the field's name`, () => {
    const way = field.replaceAll("[", ".").replaceAll("]", "").split(".");
    assert.throws(() => parseResult(JSON.stringify(changed(result, way, value)), "a.json"), {
      code: "usage",
      message:
        `Cannot use a.json: it is no whole result of the bench: ${field} is missing, or cannot be so`,
    });
  });
}

for (const limit of Object.keys(GAVE_OUT)) {
  Deno.test(`a result with the limit ${limit} is read`, () => {
    const result = { ...makeLoadResult(), limit };
    assert.deepEqual(parseResult(JSON.stringify(result), "a.json"), result);
  });
}

function parsedOrRefused(text: string): BenchResult | undefined {
  try {
    return parseResult(text, "a.json");
  } catch (error) {
    assert.ok(error instanceof RelayError, String(error));
    assert.equal(error.code, "usage");
    return undefined;
  }
}

type Place = readonly string[];

/** The way to everything in `value`, of lists to what is in their first entry. */
function placesIn(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? Object.entries(value).slice(0, 1) : Object.entries(value);
  return entries.flatMap(([key, inner]) => [[key], ...placesIn(inner).map((way) => [key, ...way])]);
}

/** A copy of `value` with something else in one place. */
function changed(value: unknown, [key, ...way]: Place, other: unknown): unknown {
  if (key === undefined) return other;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = changed(copy[key], way, other);
  return copy;
}
