import assert from "node:assert/strict";
import { comparisonText } from "../../commands/bench_compare.ts";
import { compareResults } from "../../src/bench/compare.ts";
import type { BenchResult } from "../../src/bench/result.ts";
import { verdictWords } from "../../src/bench/summary/comparison_words.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
  NO_FAULTS,
} from "../helpers/bench_results.ts";
import { resultFiles } from "../helpers/result_files.ts";
import { runCli } from "../helpers/cli.ts";

const RESULTS: BenchResult[] = [makeTtftResult(), makeLoadResult(), makeMaxResult()];

for (const result of RESULTS) {
  Deno.test(`a ${result.kind} result compared with itself differs in nothing`, () => {
    const { figures, notes } = compareResults(result, result);
    assert.ok(figures.length > 0);
    for (const { ratio, verdict, interval } of figures) {
      assert.equal(ratio, 1);
      assert.equal(verdict, interval === undefined ? "unknown" : "within noise");
    }
    assert.deepEqual(notes, []);
  });
}

Deno.test("a relay that is slower is told so, in every figure that it changes", () => {
  const { figures } = compareResults(
    makeLoadResult(),
    makeLoadResult({}, { seed: 2, slower: 1.3 }),
  );
  const verdicts = figures.map(({ name, verdict }) => [name, verdict]);
  assert.deepEqual(verdicts, [
    ["latency, p50", "worse"],
    ["latency, p99", "worse"],
    ["messages received", "within noise"],
    ["relay CPU per message", "worse"],
    ["relay memory at its peak", "unknown"],
  ]);
});

Deno.test("what is worse one way round is better the other way", () => {
  const [a, b] = [makeLoadResult(), makeLoadResult({}, { seed: 2, slower: 1.3 })];
  const opposite = { worse: "better", better: "worse", unknown: "unknown" } as const;
  const back = compareResults(b, a).figures;
  for (const [at, { verdict, ratio }] of compareResults(a, b).figures.entries()) {
    assert.equal(back[at].verdict, verdict === "within noise" ? verdict : opposite[verdict]);
    assert.ok(Math.abs(back[at].ratio * ratio - 1) < 1e-9);
  }
});

Deno.test("figures that only one side has are left out", () => {
  const remote = makeLoadResult({ relayUse: undefined });
  const names = compareResults(makeLoadResult(), remote).figures.map(({ name }) => name);
  assert.ok(!names.includes("relay memory at its peak"));
  assert.deepEqual(compareResults(makeMaxResult(), makeMaxResult({ held: undefined })).figures, []);
});

Deno.test("what came after the load is not held against it, nor the end of a replay", () => {
  const { slices } = makeLoadResult();
  const tail = { ...slices[0], atMs: 10_500, received: 1 };
  const samplesOf = (late: boolean) => {
    const settings = { ...LOAD_SETTINGS, late };
    const result = makeLoadResult({ settings, slices: [...slices, tail] });
    return compareResults(result, result).figures.map(({ samples: [size] }) => size);
  };
  assert.deepEqual(samplesOf(false), [20, 20, 20, 20, 1]);
  assert.deepEqual(samplesOf(true), [20, 20, 20, 20, 1]);
  const only = makeLoadResult({ slices: [tail] });
  assert.deepEqual(compareResults(only, only).figures[0].samples, [1, 1]);
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
  assert.deepEqual(compareResults(a, b).notes, [
    "Different settings: channels 1000 and 2000.",
    "Different machines: cores 2 and 8.",
    "Different versions: deno 2.9.6 and 2.9.7; relay 0.1.0 and unknown.",
    "Different relays: url its own and wss://relay.example.org.",
    "B was interrupted.",
    "B has faults.",
    "In B the client is the limit: its latencies are its own, not the relay's.",
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
  [{ ...rate, ratio: 0.5, verdict: "unknown" }, "A carries 2.00 times as much (no interval)"],
  [
    { ...rate, ratio: 0.98, interval: [0.97, 0.99], verdict: "worse" },
    "A carries 2.0 % more (1.0–3.1 %)",
  ],
  [
    { ...figure, quantity: "cost", better: "lower", ratio: 2, verdict: "unknown" },
    "B is 2.00 times dearer (no interval)",
  ],
  [
    { ...figure, quantity: "memory", better: "lower", ratio: 0.5, verdict: "unknown" },
    "B is 2.00 times smaller (no interval)",
  ],
  [{ ...figure, quantity: "memory", better: "lower", ratio: 1, verdict: "unknown" }, "the same"],
] as const;

for (const [compared, words] of WORDS) {
  Deno.test(`a comparison says: ${words}`, () => assert.equal(verdictWords(compared), words));
}

Deno.test("a comparison is a table with what has to be known below", async () => {
  const [a, b] = [makeLoadResult(), makeLoadResult({ partial: true }, { seed: 2, slower: 1.3 })];
  assert.equal(
    await comparisonText(compareResults(a, b), "before.json", "after.json"),
    `A  before.json
B  after.json

B against A
  figure                           A         B  B against A
  latency, p50              0.260 ms  0.344 ms  B is 1.32 times slower (1.28–1.37)
  latency, p99              0.792 ms  0.986 ms  B is 1.24 times slower (1.10–1.41)
  messages received         40,000/s  40,000/s  within noise (1.000–1.000)
  relay CPU per message      10.6 µs   13.7 µs  B is 1.30 times dearer (1.27–1.33)
  relay memory at its peak   121 MiB   121 MiB  the same

Figures are geometric means of the stretches of a run (batch means, taken as independent); intervals
hold 95 %: Welch's t, of logarithms.
Where there is one measurement alone there is no interval: the difference may be noise.
B was interrupted.
`,
  );
});

Deno.test("bench compare prints the table, or the ratios as JSON", async () => {
  await using files = await resultFiles([makeTtftResult(), makeTtftResult({}, 2)]);
  const table = await runCli(["bench", "compare", ...files.paths]);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /first token, streaming .* within noise/);
  const json = await runCli(["bench", "compare", ...files.paths, "--json"]);
  const expected = compareResults(makeTtftResult(), makeTtftResult({}, 2));
  assert.deepEqual(JSON.parse(json.stdout), JSON.parse(JSON.stringify(expected)));
});

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
