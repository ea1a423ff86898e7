import assert from "node:assert/strict";
import { comparisonText } from "../../commands/bench_compare.ts";
import { compareResults } from "../../src/bench/compare.ts";
import { figuresOf } from "../../src/bench/figure.ts";
import type { BenchResult, LoadResult } from "../../src/bench/result.ts";
import { verdictWords } from "../../src/bench/summary/comparison_words.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
  NO_FAULTS,
  normal,
  randomNumbers,
} from "../helpers/bench_results.ts";
import { resultFiles } from "../helpers/result_files.ts";
import { runCli } from "../helpers/cli.ts";

const RESULTS: BenchResult[] = [makeTtftResult(), makeLoadResult(), makeMaxResult()];

for (const result of RESULTS) {
  Deno.test(`a ${result.kind} result compared with itself differs in nothing, and has no verdict`, () => {
    const { figures, notes } = compareResults([result], [result]);
    assert.ok(figures.length > 0);
    for (const { ratio, verdict, interval } of figures) {
      assert.deepEqual([ratio, interval, verdict], [1, undefined, "unknown"]);
    }
    assert.deepEqual(notes, []);
  });
}

/** Runs, the latency of each of which is by chance what its placing made it, as `spread` says. */
function runs(seed: number, { slower = 1, spread = 0.2, size = 3 } = {}): LoadResult[] {
  const random = randomNumbers(seed);
  return Array.from({ length: size }, (_, at) => {
    const factor = slower * Math.exp(spread * normal(random));
    return makeLoadResult({}, { seed: seed * size + at, slower: factor });
  });
}

Deno.test("runs that differ by chance are no better or worse, however sure each is of itself", () => {
  let [verdicts, unlike] = [0, 0];
  for (let seed = 1; seed <= 100; seed++) {
    const [a, b] = [runs(seed), runs(seed + 500)];
    const p50 = compareResults(a, b).figures[0];
    if (p50.verdict !== "within noise") verdicts++;
    const [alone] = compareResults([a[0]], [b[0]]).figures;
    assert.equal(alone.verdict, "unknown");
    const [low, high] = alone.withinRun!;
    if (low > 1 || high < 1) unlike++;
  }
  assert.ok(verdicts <= 10, `${verdicts} of 100 are no noise`);
  assert.ok(unlike >= 50, `${unlike} of 100: the stretches of one run know nothing of this`);
});

Deno.test("a relay that is slower is told so, in every figure that it changes", () => {
  const [a, b] = [runs(1, { spread: 0.02 }), runs(2, { spread: 0.02, slower: 1.4 })];
  const verdicts = compareResults(a, b).figures.map(({ name, verdict }) => [name, verdict]);
  assert.deepEqual(verdicts, [
    ["latency, p50", "worse"],
    ["latency, p99", "worse"],
    ["messages received", "within noise"],
    ["relay CPU per message", "worse"],
    ["relay memory at its peak", "within noise"],
  ]);
});

Deno.test("what is worse one way round is better the other way", () => {
  const [a, b] = [runs(1, { spread: 0.02 }), runs(2, { spread: 0.02, slower: 1.4 })];
  const opposite = { worse: "better", better: "worse", unknown: "unknown" } as const;
  const back = compareResults(b, a).figures;
  for (const [at, { verdict, ratio }] of compareResults(a, b).figures.entries()) {
    assert.equal(back[at].verdict, verdict === "within noise" ? verdict : opposite[verdict]);
    assert.ok(Math.abs(back[at].ratio * ratio - 1) < 1e-9);
  }
});

Deno.test("one run alone on a side has no verdict, however many are on the other", () => {
  const slow = makeLoadResult({}, { slower: 5 });
  for (const { samples, verdict, withinRun } of compareResults(runs(1), [slow]).figures) {
    assert.deepEqual([samples, verdict, withinRun], [[3, 1], "unknown", undefined]);
  }
});

for (const limit of ["client", "machine"]) {
  Deno.test(`where the ${limit} was the limit there is no verdict`, () => {
    const limited = { ...makeLoadResult({}, { slower: 5 }), limit } as LoadResult;
    const slow = [limited, ...runs(2, { slower: 5, size: 2 }), limited];
    const { figures, notes } = compareResults(runs(1), slow);
    assert.ok(figures.every(({ verdict }) => verdict === "unknown"));
    assert.match(notes.join(), new RegExp(`^The ${limit} is the limit in B1, B4: .* no verdict`));
  });
}

Deno.test("tokens of streams that ran at once are one sample, not one for each stream", () => {
  const { figures } = compareResults([makeTtftResult()], [makeTtftResult({}, 2)]);
  const intervals = figures.map(({ name, withinRun }) => [name, withinRun !== undefined]);
  assert.deepEqual(intervals, [
    ["first token, streaming", true],
    ["first token, in batch mode", true],
    ["all tokens, streaming", true],
    ["token: sent → received, p50", false],
    ["token: sent → received, p99", false],
  ]);
});

Deno.test("runs with other settings are no repetitions, but for the processes that made the load", () => {
  const other = makeLoadResult({ settings: { ...LOAD_SETTINGS, rate: 20 } });
  const shared = makeLoadResult({ settings: { ...LOAD_SETTINGS, processes: 1 } });
  assert.throws(() => compareResults([makeLoadResult()], [makeLoadResult(), other]), {
    code: "usage",
    message: "the runs of B are not of the same: rate 40 and 20",
  });
  const { notes } = compareResults([makeLoadResult()], [makeLoadResult(), shared]);
  assert.deepEqual(notes, ["Different settings: processes 2 and 1 or 2."]);
});

Deno.test("figures that only one side has are left out", () => {
  const remote = makeLoadResult({ relayUse: undefined });
  const names = compareResults([makeLoadResult()], [remote]).figures.map(({ name }) => name);
  assert.ok(!names.includes("relay memory at its peak"));
  const none = makeMaxResult({ held: undefined });
  assert.deepEqual(compareResults([makeMaxResult()], [none]).figures, []);
});

Deno.test("what came after the load is not held against it, nor the end of a replay", () => {
  const { slices } = makeLoadResult();
  const tail = { ...slices[0], atMs: 10_500, received: 1 };
  const samplesOf = (late: boolean, all = [...slices, tail]) => {
    const settings = { ...LOAD_SETTINGS, late };
    return figuresOf(makeLoadResult({ settings, slices: all })).map(({ samples }) =>
      samples.length
    );
  };
  assert.deepEqual(samplesOf(false), [20, 20, 20, 20, 1]);
  assert.deepEqual(samplesOf(true), [20, 20, 20, 20, 1]);
  assert.equal(samplesOf(false, [tail])[0], 1);
});

Deno.test("what differs otherwise is told", () => {
  const a = makeLoadResult();
  const b = makeLoadResult({
    settings: { ...LOAD_SETTINGS, channels: 2_000 },
    machine: { ...a.machine, cores: 8, deno: "2.9.7" },
    relay: { url: "wss://relay.example.org", own: false },
    partial: true,
    limit: "client",
    faults: { ...NO_FAULTS, lost: 1 },
  });
  assert.deepEqual(compareResults([a], [b]).notes, [
    "Different settings: channels 1000 and 2000.",
    "Different machines: cores 2 and 8.",
    "Different versions: deno 2.9.6 and 2.9.7; relay 0.1.0 and unknown.",
    "Different relays: url its own and wss://relay.example.org.",
    "Ended early: B.",
    "Faults in B.",
    "The client is the limit in B: latencies are its own, not the relay's, so there is no verdict.",
  ]);
});

const figure = { name: "x", a: 1, b: 1, samples: [3, 3] as const };
const lower = { ...figure, quantity: "time", better: "lower" } as const;
const rate = { ...figure, quantity: "rate", better: "higher" } as const;
const WORDS = [
  [
    { ...lower, ratio: 1.3, interval: [1.1, 1.5], verdict: "worse" },
    "B is 1.30 times slower (1.10–1.50)",
  ],
  [
    { ...lower, ratio: 0.5, interval: [0.4, 0.8], verdict: "better" },
    "B is 2.00 times faster (1.25–2.50)",
  ],
  [
    { ...lower, ratio: 1.02, interval: [1.01, 1.03], verdict: "worse" },
    "B is 2.0 % slower (1.0–3.0 %)",
  ],
  [
    { ...lower, ratio: 1.2, interval: [0.9, 1.6], verdict: "within noise" },
    "within noise (0.90–1.60)",
  ],
  [
    { ...lower, ratio: 1, interval: [0.999, 1.002], verdict: "within noise" },
    "within noise (0.999–1.002)",
  ],
  [
    { ...rate, ratio: 2, interval: [1.5, 2.5], verdict: "better" },
    "B carries 2.00 times as much (1.50–2.50)",
  ],
  [
    { ...rate, ratio: 0.5, interval: [0.4, 0.8], verdict: "worse" },
    "A carries 2.00 times as much (1.25–2.50)",
  ],
  [{ ...rate, ratio: 0.5, verdict: "unknown" }, "× 0.50: no verdict"],
  [
    { ...rate, ratio: 0.98, interval: [0.97, 0.99], verdict: "worse" },
    "A carries 2.0 % more (1.0–3.1 %)",
  ],
  [
    { ...rate, ratio: 0.5, withinRun: [0.4, 0.6], verdict: "unknown" },
    "× 0.50 (within a run 0.40–0.60): no verdict",
  ],
  [
    { ...rate, ratio: 0.5, interval: [0.4, 0.6], verdict: "unknown" },
    "× 0.50 (0.40–0.60): no verdict",
  ],
  [
    {
      ...figure,
      quantity: "cost",
      better: "lower",
      ratio: 2,
      interval: [1.5, 3],
      verdict: "worse",
    },
    "B is 2.00 times dearer (1.50–3.00)",
  ],
  [
    {
      ...figure,
      quantity: "memory",
      better: "lower",
      ratio: 0.5,
      interval: [0.4, 0.8],
      verdict: "better",
    },
    "B is 2.00 times smaller (1.25–2.50)",
  ],
] as const;

for (const [compared, words] of WORDS) {
  Deno.test(`a comparison says: ${words}`, () => assert.equal(verdictWords(compared), words));
}

Deno.test("a comparison of one run each has ratios, and says what a verdict takes", async () => {
  const [a, b] = [makeLoadResult(), makeLoadResult({ partial: true }, { seed: 2, slower: 1.3 })];
  assert.equal(
    await comparisonText(compareResults([a], [b]), ["before.json"], ["after.json"]),
    `A  before.json
B  after.json

B against A
  figure                           A         B  B against A
  latency, p50              0.260 ms  0.344 ms  × 1.32 (within a run 1.28–1.37): no verdict
  latency, p99              0.792 ms  0.986 ms  × 1.24 (within a run 1.10–1.41): no verdict
  messages received         40,000/s  40,000/s  × 1.00 (within a run 1.000–1.000): no verdict
  relay CPU per message      10.6 µs   13.7 µs  × 1.30 (within a run 1.27–1.33): no verdict
  relay memory at its peak   121 MiB   121 MiB  × 1.00: no verdict

One run each: not told from noise. Two runs differ by more than the parts of one do. Run each three
times or more, in turn (A, B, A, B …), and compare all: streamrelay bench compare A1.json A2.json
A3.json --to B1.json B2.json B3.json
Ended early: B.
`,
  );
});

Deno.test("a comparison of several runs is a table with a verdict for each figure", async () => {
  const [a, b] = [runs(1, { spread: 0.02 }), runs(2, { spread: 0.02, slower: 1.4 })];
  const text = await comparisonText(compareResults(a, b), ["1", "2", "3"], ["4", "5", "6"]);
  assert.match(text, /^A1 {2}1\nA2 {2}2\nA3 {2}3\nB1 {2}4\nB2 {2}5\nB3 {2}6\n\nB against A\n/);
  assert.match(text, /^ {2}latency, p50 .* B is 1\.\d+ times slower \(1\.\d+–1\.\d+\)$/m);
  assert.match(text, /^ {2}messages received .* within noise \(0\.999–1\.001\)$/m);
  assert.doesNotMatch(text, /no verdict|One run/);
});

Deno.test("bench compare prints the table, or the ratios as JSON", async () => {
  const results = [1, 2, 3, 4].map((seed) => makeTtftResult({}, seed));
  await using files = await resultFiles(results);
  const [a, b, c, d] = files.paths;
  const table = await runCli(["bench", "compare", a, b]);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /first token, streaming .*: no verdict\n/);
  const json = await runCli(["bench", "compare", a, b, "--to", c, d, "--json"]);
  const expected = compareResults(results.slice(0, 2), results.slice(2));
  assert.deepEqual(JSON.parse(json.stdout), JSON.parse(JSON.stringify(expected)));
});

Deno.test("files that are not two sides, or one run twice, are wrong usage", async () => {
  await using files = await resultFiles([makeTtftResult(), makeTtftResult({}, 2)]);
  const [a, b] = files.paths;
  const sides = "streamrelay: Give two files, or the files of A, --to, and those of B\n";
  for (
    const [args, message] of [
      [[a], sides],
      [[a, b, b], sides],
      [[a, a, "--to", b], `streamrelay: ${a} is given twice: it is one run\n`],
    ] as const
  ) {
    const { code, stdout, stderr } = await runCli(["bench", "compare", ...args]);
    assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: "", stderr: message });
  }
});

for (
  const [field, empty] of [
    ["slices", makeLoadResult({ slices: [] })],
    ["runs", makeTtftResult({ runs: [] })],
    ["steps", makeMaxResult({ steps: [], held: undefined })],
  ] as const
) {
  Deno.test(`a ${empty.kind} result without ${field} cannot be compared, and is named`, async () => {
    await using files = await resultFiles([empty, empty]);
    const [a, b] = files.paths;
    const { code, stdout, stderr } = await runCli(["bench", "compare", a, b]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, `streamrelay: Cannot compare ${a}: its ${field} are empty\n`);
  });
}

Deno.test("results of different commands cannot be compared, which takes one line to say", async () => {
  await using files = await resultFiles([makeTtftResult(), makeLoadResult()]);
  const [a, b] = files.paths;
  const { code, stdout, stderr } = await runCli(["bench", "compare", a, b]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 2,
    stdout: "",
    stderr:
      `streamrelay: Cannot compare ${a} with ${b}: one is of bench ttft, the other of bench load\n`,
  });
});

Deno.test("a file that is not there or no result is named, in one line", async () => {
  await using files = await resultFiles([makeTtftResult()]);
  const [good] = files.paths;
  const bad = `${files.directory}/bad.json`;
  await Deno.writeTextFile(bad, "not JSON");
  for (
    const [path, reason] of [
      [`${files.directory}/none.json`, "Cannot read PATH: no such file"],
      [bad, "Cannot use PATH: it is no result of the bench"],
    ]
  ) {
    const { code, stdout, stderr } = await runCli(["bench", "compare", good, path]);
    assert.deepEqual({ code, stdout, stderr }, {
      code: 2,
      stdout: "",
      stderr: `streamrelay: ${reason.replace("PATH", path)}\n`,
    });
  }
});
