import assert from "node:assert/strict";
import { Latencies } from "../../src/bench/latencies.ts";
import { reportPage } from "../../src/bench/report.ts";
import type { Chart } from "../../src/bench/report/chart.ts";
import { chartsOf } from "../../src/bench/report/charts.ts";
import { barsOf, curvesOf } from "../../src/bench/report/distribution.ts";
import { growthCharts, subjectOf } from "../../src/bench/report/growth.ts";
import { highlightsOf } from "../../src/bench/report/highlights.ts";
import { html, jsonMarkup } from "../../src/bench/report/markup.ts";
import type { BenchResult, LoadResult, LoadSettings } from "../../src/bench/result.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
} from "../helpers/bench_results.ts";

const NOTHING = new Latencies().stored();

const CHARTS: [result: BenchResult, titles: string[]][] = [
  [makeTtftResult(), [
    "Tokens that the reader has, over time",
    "What the relay adds to a token",
    "What it adds at worst",
    "Gaps between tokens",
    "Gaps and jitter at worst",
  ]],
  [makeLoadResult(), [
    "Latency",
    "How bad it gets",
    "Throughput",
    "Latency over time",
    "CPU",
    "Memory of the relay",
  ]],
  [makeMaxResult(), ["Latency against load", "CPU against load", "Memory against load"]],
];

for (const [result, titles] of CHARTS) {
  Deno.test(`the charts of ${result.kind} are whole: as many values as places, all of them numbers`, () => {
    const charts = chartsOf(result);
    assert.deepEqual(charts.map(({ title }) => title), titles);
    charts.forEach(assertWhole);
  });
}

Deno.test("tokens over time end with all tokens on both sides, and batch mode has none before its end", () => {
  const [{ xs, series: [streaming, batch], marks }] = chartsOf(makeTtftResult());
  assert.equal(streaming.values.at(-1), 600);
  assert.equal(batch.values.at(-1), 600);
  const before = batch.values.filter((_, at) => xs[at] < 15);
  assert.ok(before.length > 500 && before.every((tokens) => tokens === 0));
  assert.deepEqual(marks?.map(({ text }) => text), [
    "first token after 0.421 s",
    "in batch mode 15.4 s",
  ]);
});

Deno.test("what was not measured has no chart", () => {
  const none = { firstToken: NOTHING, total: NOTHING };
  const stopped = makeTtftResult({
    runs: [],
    streaming: none,
    batch: none,
    perToken: { method: "one clock", latency: NOTHING, path: NOTHING },
    gaps: { sent: NOTHING, received: NOTHING },
    jitter: NOTHING,
  });
  assert.deepEqual(chartsOf(stopped), []);
  assert.deepEqual(highlightsOf(stopped), []);
  const bare = makeLoadResult().slices.map(({ atMs, received, p50, p99 }) => ({
    atMs,
    received,
    p50,
    p99,
  }));
  const titles = chartsOf(makeLoadResult({ slices: bare })).map(({ title }) => title);
  assert.deepEqual(titles, ["Latency", "How bad it gets", "Throughput", "Latency over time"]);
  assert.deepEqual(chartsOf(makeMaxResult({ steps: [] })), []);
});

Deno.test("the bars of a histogram hold all of it but the slowest thousandth", () => {
  const { latency, ownShare } = makeLoadResult();
  for (const scale of ["log", "linear"] as const) {
    const { places, parts } = barsOf([latency, ownShare], scale);
    assert.ok(places.length >= 16 && places.length <= 57, String(places.length));
    for (const bars of parts) {
      const sum = bars.reduce((all, part) => all + part, 0);
      assert.ok(sum >= 0.999 - 1e-9 && sum <= 1 + 1e-9, String(sum));
    }
  }
});

Deno.test("a histogram of one time alone is one bar", () => {
  const times = new Latencies();
  times.record(5);
  const { places, parts } = barsOf([times.stored()], "log");
  assert.deepEqual(parts, [[1]]);
  assert.ok(Math.abs(10 ** places[0] - 5) < 0.05);
});

Deno.test("a percentile curve rises, and ends where its times are too few to tell", () => {
  const times = new Latencies();
  for (let ms = 1; ms <= 100; ms++) times.record(ms);
  const { latency } = makeLoadResult();
  const { nines, times: [few, many] } = curvesOf([times.stored(), latency]);
  const known = few.filter((time) => time !== null);
  assert.deepEqual(known, known.toSorted((a, b) => a - b));
  assert.equal(known[nines.findIndex((nine) => nine === 1)], 90.047); // to three digits, as histograms have it
  assert.equal(nines[known.length - 1], 2);
  assert.ok(many.filter((time) => time !== null).length > known.length);
});

/** Loads that differ in what is given. */
const loads = (...settings: Partial<LoadSettings>[]): LoadResult[] =>
  settings.map((changes) => makeLoadResult({ settings: { ...LOAD_SETTINGS, ...changes } }));

Deno.test("loads that differ in one number alone show what grows with it, smallest first", () => {
  const charts = growthCharts(
    loads({ channels: 100, processes: 4 }, { channels: 1 }, { channels: 10 }),
  );
  assert.deepEqual(charts.map(({ title }) => title), [
    "Latency by channels",
    "CPU of the relay per message by channels",
    "Memory of the relay by channels",
  ]);
  assert.deepEqual(charts[0].xs, [0, 1, 2]);
  charts.forEach(assertWhole);
});

Deno.test("loads that are few, alike, or differ in more, show no growth", () => {
  assert.deepEqual(growthCharts([]), []);
  assert.deepEqual(growthCharts(loads({ channels: 1 }, { channels: 2 })), []);
  assert.deepEqual(growthCharts(loads({}, {}, {})), []);
  const several = loads({ channels: 1 }, { size: 128 }, { channels: 10 });
  assert.deepEqual(growthCharts(several), []);
  assert.equal(subjectOf(loads({ transport: "sse" }, { transport: "ws1" }, {})), undefined);
});

Deno.test("nothing that is put into a page can be more than text", () => {
  const evil = `</script><script>alert("1")</script><!-- & '`;
  assert.equal(
    html`<p title="${evil}">${[evil, html`<b>ours</b>`]}</p>`.html.match(/<script|<!--|"1"|'/),
    null,
  );
  assert.deepEqual(JSON.parse(jsonMarkup({ evil }).html), { evil });
  assert.doesNotMatch(jsonMarkup({ evil }).html, /</);
});

Deno.test("a page names nothing that it would have to fetch", () => {
  const page = reportPage([makeTtftResult(), makeLoadResult(), makeMaxResult()]);
  const fetched = page.match(
    /<(?:img|iframe|link(?! rel="icon" href="data:))|\bsrc=|url\(|@import/g,
  );
  assert.equal(fetched, null);
  assert.match(page, /default-src &#39;none&#39;/);
});

/** A chart that can be drawn. */
function assertWhole({ title, caption, alternative, xs, series }: Chart): void {
  assert.ok(caption.length > 10 && alternative.length > 10, title);
  assert.doesNotMatch(alternative, /NaN|Infinity|undefined/);
  assert.ok(xs.length > 0 && series.length > 0, title);
  assert.deepEqual(xs, xs.toSorted((a, b) => a - b), title);
  for (const { values } of series) {
    assert.equal(values.length, xs.length, title);
    assert.ok(values.every((value) => value === null || Number.isFinite(value)), title);
    assert.ok(values.some((value) => value !== null), title);
  }
}
