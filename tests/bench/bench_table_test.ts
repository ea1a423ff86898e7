import assert from "node:assert/strict";
import { columnsFor, factsText, resultTable, tableText, wrap } from "../../commands/bench_table.ts";
import { Latencies } from "../../src/bench/latencies.ts";
import type { BenchResult, TtftResult } from "../../src/bench/result.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
  NO_FAULTS,
} from "../helpers/bench_results.ts";
import { spawnProcess } from "../helpers/cli.ts";
import { resultFiles } from "../helpers/result_files.ts";

const NOTHING = new Latencies().stored();

Deno.test("bench ttft says how much sooner, and then all figures with their units", () => {
  const result = makeTtftResult({ faults: NO_FAULTS, notes: ["The relay is far away."] });
  assert.equal(
    resultTable(result),
    `First token after 421 ms, 37 times sooner than in batch mode: 15.4 s.

The relay is far away.

From the job's start to what the reader sees
  time              streaming  in batch mode  sooner
  first token, p50     421 ms         15.4 s    37 ×
  first token, p90     423 ms         15.4 s    36 ×
  first token, p99     424 ms         15.4 s    36 ×
  all tokens, p50      15.4 s         15.4 s  1.00 ×
  all tokens, p90      15.4 s         15.4 s  1.00 ×
  all tokens, p99      15.4 s         15.4 s  1.00 ×

What the relay adds to a token, of 6,000 tokens
  time                                p50       p90       p99       max
  token: sent → received         0.181 ms  0.302 ms  0.454 ms  0.723 ms
  empty request: there and back  0.106 ms  0.153 ms  0.184 ms  0.206 ms

The rhythm of the tokens
  time                                    p50       p90       p99       max
  gap between tokens as sent          25.0 ms   25.5 ms   26.0 ms   26.3 ms
  gap between tokens as received      25.0 ms   25.6 ms   25.9 ms   26.3 ms
  jitter: |gap received − gap sent|  0.049 ms  0.124 ms  0.260 ms  0.795 ms
  own share: model behind schedule   0.299 ms  0.569 ms  0.972 ms   1.92 ms

Verified: 6,000 tokens came as they were sent.
Sending to receiving is measured by one clock: producer and consumer are in one process, so it holds
the client's two sides, the kernel and the relay.
Times of tokens count from when they were sent, so a model that is late moves the first token, and
nothing of what the relay adds.
The clock goes in steps of 60 ns: nothing here is finer.

model     600 tokens at 40 tokens/s: 15 s, after 0.4 s of prefill, encrypted from end to end
runs      10; p99 is the slowest of so few
relay     ws://127.0.0.1:43210, a process of its own, started for this run, streamrelay 0.1.0
machine   2 × Intel(R) Xeon(R) Processor @ 2.10GHz, 24 GiB, Linux 6.18
versions  streamrelay 0.1.0, Deno 2.9.6
started   2026-03-01T12:00:00.000Z
command   streamrelay bench ttft --runs 10 --report out.html
`,
  );
});

Deno.test("bench load says what was made of what was asked for, and what it took", () => {
  assert.equal(
    resultTable(makeLoadResult()),
    `40,000 messages/s received, p50 0.261 ms and p99 0.717 ms after they were due.

Latency, of 20,000 messages
  time                                       p50       p90       p99     p99.9       max
  due → received: what a reader sees    0.261 ms  0.448 ms  0.717 ms   1.02 ms   1.72 ms
    due → sent: the client's own share  0.050 ms  0.107 ms  0.195 ms  0.299 ms  0.830 ms
    sent → received: relay and network  0.200 ms  0.381 ms  0.646 ms  0.953 ms   1.63 ms

CPU and memory
  process     CPU  of one core  per message  memory before  at its peak
  relay    4.20 s         42 %      10.5 µs         82 MiB      121 MiB
  client   6.10 s         61 %      15.3 µs         90 MiB      140 MiB

Verified: order, gaps, repetitions, content hash of 400,000 messages.
No limit was met: client and relay kept up.
Latency counts from when a message was due by the schedule, sent in time or not: waiting of the
client is not left out (no coordinated omission).
The clock goes in steps of 60 ns: nothing here is finer.

load       1,000 channels × 40 messages/s of 64 B to 1 consumer each, for 10 s, over ws2, made by 2
           processes
asked for  40,000 messages/s of all producers
made       40,000 messages/s: 100 % of what was due was sent
received   40,000 messages/s by all consumers: 400,000 in 10.0 s
relay      ws://127.0.0.1:43210, a process of its own, started for this run, streamrelay 0.1.0
machine    2 × Intel(R) Xeon(R) Processor @ 2.10GHz, 24 GiB, Linux 6.18
versions   streamrelay 0.1.0, Deno 2.9.6
started    2026-03-01T12:00:00.000Z
command    streamrelay bench load --channels 1000 --rate 40 --duration 10s
`,
  );
});

Deno.test("bench max has a line for each load, and what gave out first", () => {
  assert.equal(
    resultTable(makeMaxResult()),
    `The largest load that held: 2,000 channels, 80,000 messages/s, at a p99 of 7.41 ms (limit 50 ms).

Every load that was tried
  channels  messages/s       p50       p99  relay CPU  client CPU  relay memory  held
       250    10,000/s  0.200 ms  0.800 ms        8 %         6 %      86.3 MiB  yes
       500    20,000/s  0.260 ms   1.68 ms       17 %        13 %      92.5 MiB  yes
     1,000    40,000/s  0.338 ms   3.53 ms       33 %        25 %       105 MiB  yes
     2,000    80,000/s  0.439 ms   7.41 ms       67 %        50 %       130 MiB  yes
     4,000   160,000/s    180 ms    400 ms     99.0 %        90 %       180 MiB  no: relay

What gave out first: the relay's CPU.
CPU is told in parts of one core.
The clock goes in steps of 60 ns: nothing here is finer.

each load    channels × 40 messages/s of 64 B to 1 consumer each, for 10 s, over ws2, made by 2
             processes
holds while  p99 of due → received is at most 50 ms, and nothing is lost
relay        ws://127.0.0.1:43210, a process of its own, started for this run, streamrelay 0.1.0
machine      2 × Intel(R) Xeon(R) Processor @ 2.10GHz, 24 GiB, Linux 6.18
versions     streamrelay 0.1.0, Deno 2.9.6
started      2026-03-01T12:00:00.000Z
command      streamrelay bench max --slo 50ms
`,
  );
});

Deno.test("bench max says so where the largest load that was tried held", () => {
  const { steps } = makeMaxResult();
  const tried = (...which: number[]) =>
    resultTable(makeMaxResult({ steps: which.map((at) => steps[at]), limit: "none" }));
  assert.match(tried(3, 2), /^Nothing gave out: the largest load that was tried held\.$/m);
  assert.match(tried(4, 3), /^What gave out first is not known: /m);
});

/** The warnings of a result, which come before everything else. */
function warningsOf(result: BenchResult): string {
  const [first] = resultTable(result).split("\n\n");
  assert.match(first, /^! /);
  return first.replaceAll(/\n? {2}(?=\S)/g, " ");
}

Deno.test("an interrupt is said first, then faults, then that the client was the limit", () => {
  const result = makeLoadResult({
    partial: true,
    faults: { ...NO_FAULTS, lost: 3, altered: 1_000 },
    limit: "client",
    sent: 300_000,
  });
  assert.equal(
    warningsOf(result),
    `! Interrupted: these are the figures of what was done until then.
! Faults: 3 lost, 1,000 altered.
! The client is the limit: these latencies are its own, not the relay's. More processes (--processes), a lower rate or another machine for the load tell more.`,
  );
  const table = resultTable(result);
  assert.match(table, /^made +30,000 messages\/s: 75 % of what was due was sent$/m);
  assert.doesNotMatch(table, /Verified/);
});

Deno.test("only an interrupt is called one: what else ended it early is said", () => {
  const ended = (changes: Partial<TtftResult>) =>
    warningsOf(makeTtftResult({ partial: true, faults: NO_FAULTS, ...changes })).split("\n")[0];
  const failure = "the stream has a gap";
  assert.match(ended({}), /^! Interrupted: /);
  assert.match(
    ended({ failure, faults: { ...NO_FAULTS, broken: 1 } }),
    /^! A stream broke: the stream has a gap; these are the figures of what was done until then\.$/,
  );
  assert.match(ended({ failure: "the echo is gone" }), /^! It ended early: the echo is gone; /);
});

Deno.test("tokens that did not come as they were sent are said first too", () => {
  const result = makeTtftResult({ faults: { ...NO_FAULTS, doubled: 2 } });
  assert.equal(warningsOf(result), "! Faults: 2 received twice.");
  assert.doesNotMatch(resultTable(result), /Verified/);
});

Deno.test("what was interrupted before there was a figure has dashes, and no sentence that is wrong", () => {
  const stopped = makeTtftResult({
    partial: true,
    runs: [],
    batch: { firstToken: NOTHING, total: NOTHING },
    streaming: { firstToken: makeTtftResult().streaming.firstToken, total: NOTHING },
  });
  const table = resultTable(stopped);
  assert.match(
    table,
    /^First token after 421 ms; no run came to its end, so batch mode has no figure\.$/m,
  );
  assert.match(table, /^ {2}first token, p50 +421 ms +– +–$/m);
  assert.match(table, /^ {2}all tokens, p99 +– +– +–$/m);

  const none = { firstToken: NOTHING, total: NOTHING };
  assert.match(
    resultTable(makeTtftResult({ runs: [], streaming: none, batch: none })),
    /^No run came to its first token\.$/m,
  );
  const load = makeLoadResult({
    received: 0,
    seconds: 0,
    due: 0,
    sent: 0,
    latency: NOTHING,
    relayLatency: NOTHING,
    ownShare: NOTHING,
  });
  assert.match(resultTable(load), /^No message was received\.$/m);
  assert.doesNotMatch(resultTable(load), /NaN|Infinity/);
  assert.match(
    resultTable(makeMaxResult({ steps: [], held: undefined, limit: "none" })),
    /^No load was tried to its end\.$/m,
  );
});

Deno.test("a relay elsewhere has no CPU and memory, and none are made up", () => {
  const remote = makeLoadResult({
    relayUse: undefined,
    clientUse: undefined,
    relay: { url: "wss://relay.example.org", own: false },
  });
  assert.doesNotMatch(resultTable(remote), /CPU and memory/);
  assert.match(resultTable(remote), /^relay +wss:\/\/relay\.example\.org, one that was there$/m);
});

Deno.test("the latency of a replay counts from connecting, and sending is no part of it", () => {
  const late = resultTable(makeLoadResult({ settings: { ...LOAD_SETTINGS, late: true } }));
  assert.match(
    late,
    /^40,000 messages\/s received, p50 0\.261 ms and p99 0\.717 ms after connecting\.$/m,
  );
  assert.match(late, /^ {2}connecting → received: what a reader sees {2}/m);
  assert.match(late, /^ {2}before, sending: due → sent {2}/m);
  assert.doesNotMatch(late, /no coordinated omission/);
});

Deno.test("a silence before the load is told with what it took of the relay", () => {
  const silence = { seconds: 60, connections: 200, relayCpuSeconds: 0.3, relayRssBytes: 2 ** 27 };
  const settings = { ...LOAD_SETTINGS, idleMs: 60_000 };
  const table = resultTable(makeLoadResult({ settings, silence }));
  assert.match(
    table,
    /^ {2}relay, in the silence +0\.300 s +0\.500 % +– +– +128 MiB$/m,
  );
  assert.match(table, /^load .* over ws2, after 60 s\n +of silence, made by 2 processes$/m);
});

Deno.test("no batch mode is praised that is as fast", () => {
  const { streaming } = makeTtftResult();
  assert.match(
    resultTable(makeTtftResult({ batch: streaming })),
    /^First token after 421 ms; in batch mode it is 421 ms: no gain\.$/m,
  );
});

Deno.test("no line is longer than 100 columns", () => {
  const long = { command: `streamrelay bench ttft ${"--log-level debug ".repeat(12)}` };
  const notes = ["A note that goes on and on. ".repeat(9)];
  for (const make of [makeTtftResult, makeLoadResult, makeMaxResult]) {
    const lines = resultTable(make({ ...long, notes })).split("\n");
    assert.deepEqual(lines.filter((line) => [...line].length > 100), []);
  }
});

Deno.test("on a terminal of 60 columns sentences take 60, and tables what they must", () => {
  const notes = ["A note that goes on and on. ".repeat(9).trim()];
  for (const make of [makeTtftResult, makeLoadResult, makeMaxResult]) {
    const wide = resultTable(make({ notes, partial: true }));
    const narrow = resultTable(make({ notes, partial: true }), 60);
    const tooLong = narrow.split("\n").filter((line) => [...line].length > 60);
    assert.deepEqual(tooLong.filter((line) => !/^ {2}.* {2}/.test(line)), []);
    const words = (text: string) => text.replaceAll(" \\\n", "\n").split(/\s+/);
    assert.deepEqual(words(narrow), words(wide));
  }
});

Deno.test("a pipe has 100 columns, as has a terminal that is wider", () => {
  assert.deepEqual([undefined, 60, 100, 250, 1].map(columnsFor), [100, 60, 100, 100, 20]);
});

Deno.test("what is printed is as wide as the terminal", async () => {
  await using files = await resultFiles([makeLoadResult(), makeLoadResult({}, { seed: 2 })]);
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const compare = [Deno.execPath(), "run", "-A", main, "bench", "compare", ...files.paths];
  const command = `stty cols 60 && exec ${compare.join(" ")}`;
  await using terminal = spawnProcess("script", ["-qec", command, "/dev/null"]);
  const { code, stdout } = await terminal.finished;
  assert.equal(code, 0, stdout);
  const prose = stdout.slice(stdout.indexOf("One run each")).split(/\r?\n/);
  assert.ok(prose.length > 3 && prose.every((line) => line.length <= 60), stdout);
});

Deno.test("a command that takes several lines can be pasted", () => {
  const command = `streamrelay bench load ${"--channels 1000 ".repeat(12)}`.trim();
  const lines = factsText([["command", command]]).split("\n");
  assert.ok(lines.length > 1);
  assert.ok(lines.slice(0, -1).every((line) => line.endsWith(" \\")));
  const joined = lines.join("\n").replaceAll(/ \\\n +/g, " ");
  assert.equal(joined, `command  ${command}`);
});

Deno.test("figures stand right and words left", () => {
  const table = {
    caption: "c",
    columns: ["a", "b", "c"],
    rows: [["x", "1 ms", "yes"], ["longer", "10 ms", "no"]],
  };
  assert.equal(
    tableText(table),
    "c\n  a           b  c\n  x        1 ms  yes\n  longer  10 ms  no",
  );
});

Deno.test("a word that is too long for a line has one for itself", () => {
  const word = "x".repeat(150);
  assert.equal(wrap(`a ${word} b`), `a\n${word}\nb`);
});

Deno.test("each figure keeps its digits, whatever stands beside it", () => {
  const latencies = new Latencies();
  for (const ms of [0.31, 0.31, 603, 15_400]) latencies.record(ms);
  const table = resultTable(makeLoadResult({ latency: latencies.stored() }));
  assert.match(
    table,
    /^ {2}due → received: .* {2}0\.310 ms {4}15\.4 s {4}15\.4 s {4}15\.4 s {4}15\.4 s$/m,
  );
  assert.match(table, /p50 0\.310 ms and p99 15\.4 s after/);
});
