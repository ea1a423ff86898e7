import assert from "node:assert/strict";
import { Latencies } from "../../src/bench/latencies.ts";
import { reportPage } from "../../src/bench/report.ts";
import type { Chart } from "../../src/bench/report/chart.ts";
import { chartsOf } from "../../src/bench/report/charts.ts";
import { barsOf, curvesOf } from "../../src/bench/report/distribution.ts";
import { growthCharts } from "../../src/bench/report/growth.ts";
import { growthGroups } from "../../src/bench/report/growth_groups.ts";
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
    "first token after 421 ms",
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

const growthOf = (results: LoadResult[]): Chart[] => growthGroups(results).flatMap(growthCharts);

/** Loads that differ in what is given. */
const loads = (...settings: Partial<LoadSettings>[]): LoadResult[] =>
  settings.map((changes) => makeLoadResult({ settings: { ...LOAD_SETTINGS, ...changes } }));

Deno.test("loads that differ in one number alone show what grows with it, smallest first", () => {
  const charts = growthOf(
    loads({ channels: 100, processes: 4 }, { channels: 1, idleMs: 0 }, { channels: 10 }),
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
  assert.deepEqual(growthOf([]), []);
  assert.deepEqual(growthOf(loads({ channels: 1 }, { channels: 2 })), []);
  assert.deepEqual(growthOf(loads({}, {}, {})), []);
  const several = loads({ channels: 1 }, { size: 128 }, { channels: 10 });
  assert.deepEqual(growthOf(several), []);
  assert.deepEqual(growthOf(loads({ transport: "sse" }, { transport: "ws1" }, {})), []);
});

Deno.test("loads of several sweeps are told apart, each with its number", () => {
  const late = { late: true, channels: 1 };
  const results = [
    ...loads({ channels: 10, rate: 400 }, { channels: 100, rate: 40 }, {
      channels: 1,
      rate: 4_000,
    }),
    ...loads({ consumers: 10 }, { consumers: 100 }, {}),
    ...loads({ idleMs: 600_000 }, { idleMs: 60_000 }, { idleMs: 1_000 }),
    ...[1_000, 10_000, 100_000].flatMap((durationMs) =>
      loads({ ...late, durationMs }).map((result) => ({ ...result, sent: 40 * durationMs / 1000 }))
    ),
  ];
  const groups = growthGroups(results);
  assert.deepEqual(groups.map(({ label, points }) => [label, points.map(({ at }) => at)]), [
    ["channels, 4,000 messages/s in all", [1, 10, 100]],
    ["consumers of each channel", [1, 10, 100]],
    ["length of the silence before", [0, 1_000, 60_000, 600_000]],
    ["size of the log", [2_560, 25_600, 256_000]],
  ]);
  assert.equal(groups.length, reportPage(results).match(/<section data-growth=/g)?.length);
});

Deno.test("what a silence takes, and how fast a log is replayed, is shown where it was measured", () => {
  const silence = { seconds: 60, connections: 200, relayCpuSeconds: 0.3 };
  const idle = loads({ idleMs: 600_000 }, { idleMs: 60_000 }, { idleMs: 1_000 })
    .map((result) => ({ ...result, silence }));
  const quiet = growthOf(idle).at(-1)!;
  assert.equal(quiet.title, "Idle CPU of the relay by length of the silence before");
  assert.match(quiet.alternative, /^relay: 0\.5 % at 1 s, 0\.5 % at 1 min, 0\.5 % at 10 min\.$/);
  const late = loads({ durationMs: 1_000 }, { durationMs: 2_000 }, { durationMs: 3_000 })
    .map((result, at) => ({
      ...result,
      settings: { ...result.settings, late: true },
      sent: 40_000 * (at + 1),
    }));
  const [latency, ...others] = growthOf(late);
  assert.deepEqual(latency.series.map(({ name }) => name), ["p99", "p50", "first message"]);
  assert.match(others.at(-1)!.title, /^Speed of the replay by/);
  for (const chart of [quiet, latency, ...others]) assertWhole(chart);
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
