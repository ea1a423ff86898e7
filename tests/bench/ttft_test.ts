/** `bench ttft` as a user runs it, against relays in processes of their own. */

import assert from "node:assert/strict";
import { evenModel } from "../../src/bench/model.ts";
import type { TtftResult } from "../../src/bench/result.ts";
import { measureTtft } from "../../src/bench/ttft.ts";
import { type CliResult, runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import {
  dropMessage,
  repeatMessage,
  replaceMessage,
  startTamperingRelay,
  swapMessages,
} from "../helpers/tampering_relay.ts";
import { within } from "../helpers/within.ts";
import { messagesReachReaders } from "./traffic.ts";

const SECRET = "a-s3cret-of-the-relay-of-these-tests";
const SHORT = ["--prefill", "0.05", "--tokens", "20", "--rate", "100", "--runs", "3"];
/** A model that takes longer than any test, and has its first token at once. */
const LONG = ["--prefill", "0", "--length", "1h", "--rate", "50", "--runs", "3"];
const GOOD = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };

const relay = sharedRelay([], { RELAY_SECRET: SECRET }, { Authorization: `Bearer ${SECRET}` });
const withSecret = { env: { RELAY_SECRET: SECRET } };

function ttft(args: string[], options = {}): Promise<CliResult> {
  return runCli(["bench", "ttft", ...args], options);
}

/** The JSON that a measurement printed. */
function resultOf({ stdout, stderr }: CliResult): TtftResult {
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

Deno.test("without a URL it measures a relay of its own, and all figures are there", async () => {
  const outcome = await ttft([...SHORT, "--json"]);
  assert.deepEqual([outcome.code, outcome.stderr], [0, ""]);
  const result = resultOf(outcome);
  const { kind, partial, faults, model, relay, perToken, gaps } = result;
  assert.deepEqual({ kind, partial, faults }, { kind: "ttft", partial: false, faults: GOOD });
  assert.deepEqual(model, { prefillMs: 50, rate: 100, tokens: 20, encrypted: false });
  assert.deepEqual([relay.own, perToken.method], [true, "one clock"]);
  assert.match(relay.url, /^ws:\/\/(127\.0\.0\.1|localhost):\d+$/);
  const { streaming, batch } = result;
  for (const { count } of [streaming, batch].flatMap((it) => [it.firstToken, it.total])) {
    assert.equal(count, 3);
  }
  assert.deepEqual([perToken.latency.count, result.ownShare.count], [60, 60]);
  assert.deepEqual([gaps.sent.count, gaps.received.count, result.jitter.count], [57, 57, 57]);
  assert.ok(perToken.path.count > 0);
  assert.match(result.command, /^streamrelay bench ttft --prefill 0\.05 .*--json$/);
});

Deno.test("each run has its tokens in order, and those of the batch behind the first", async () => {
  const result = resultOf(await ttft([...SHORT, "--json"]));
  assert.equal(result.runs.length, 3);
  for (const { streaming, batch, receivedAt } of result.runs) {
    assert.equal(receivedAt.length, 20);
    assert.deepEqual(receivedAt, receivedAt.toSorted((a, b) => a - b));
    assert.deepEqual([streaming.firstToken, streaming.total], [receivedAt[0], receivedAt[19]]);
    assert.ok(streaming.firstToken < batch.firstToken);
    assert.ok(batch.firstToken <= batch.total);
  }
});

Deno.test("the first token is there before the second is made", async () => {
  await using relay = await startRelayProcess();
  const stop = new AbortController();
  const { result, tokens, failure } = await within(
    measureTtft({
      url: relay.url,
      model: evenModel({ prefillMs: 0, rate: 0.001, tokens: 2 }), // the second after 1,000 s
      runs: 1,
      parallel: 1,
      onProgress: () => stop.abort(new Error("seen")),
      signal: stop.signal,
    }),
    "the first token",
  );
  assert.deepEqual([tokens, failure, result.partial], [1, undefined, true]);
  assert.deepEqual([result.streaming.firstToken.count, result.batch.firstToken.count], [1, 0]);
});

Deno.test("a table is printed where nothing else is asked for", async () => {
  const { code, stdout, stderr } = await ttft(SHORT);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^First token after /m);
  assert.match(stdout, /60 tokens came as they were sent/);
});

Deno.test("runs may come one after the other", async () => {
  const result = resultOf(await ttft([...SHORT, "--parallel", "1", "--json"]));
  assert.deepEqual([result.runs.length, result.faults, result.partial], [3, GOOD, false]);
});

for (
  const [how, args, env] of [
    ["a fresh key", ["--encrypt"], {}],
    ["a key of the environment", [], { RELAY_ENCRYPTION_KEY: "11".repeat(32) }],
  ] as const
) {
  Deno.test(`tokens are encrypted with ${how}, which the result does not have`, async () => {
    const outcome = await ttft([...SHORT, ...args, "--json"], { env });
    const { model, faults } = resultOf(outcome);
    assert.deepEqual([outcome.code, model.encrypted, faults], [0, true, GOOD]);
    assert.doesNotMatch(outcome.stdout, /1{64}|(ER){20}/); // in hex, in base64
  });
}

Deno.test("a relay that was named is measured; its secret is not in the result", async () => {
  const args = [...SHORT, "--url", relay.url, "--secret", SECRET, "--json"];
  const outcome = await ttft(args);
  assert.equal(outcome.code, 0, outcome.stderr);
  const result = resultOf(outcome);
  assert.deepEqual([result.relay.own, result.relay.url], [false, relay.url]);
  assert.ok(!outcome.stdout.includes(SECRET));
  await relay.nothingLeaks();
});

Deno.test("a wrong secret is refused", async () => {
  const args = [...SHORT, "--url", relay.url];
  const { code, stdout, stderr } = await ttft(args, { env: { RELAY_SECRET: "wrong" } });
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(stderr, /^streamrelay: [^\n]+\n$/);
});

Deno.test("a URL where nothing is, and one where no relay is, are told", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("hello"),
  );
  for (const port of [1, server.addr.port]) {
    const { code, stdout, stderr } = await ttft([...SHORT, "--url", `ws://127.0.0.1:${port}`]);
    assert.deepEqual([code, stdout], [4, ""], stderr);
    assert.match(stderr, /^streamrelay: Cannot reach [^\n]+\n$/);
  }
});

Deno.test("a relay that alters tokens is found out: the result is printed, and the exit code is 1", async () => {
  const target = { hostname: "127.0.0.1", port: relay.port };
  const tamper = replaceMessage(5, () => '{"type":"token","content":"injected"}');
  await using attacker = await startTamperingRelay({ target, tamper });
  const outcome = await ttft([...SHORT, "--url", attacker.url, "--json"], withSecret);
  assert.equal(outcome.code, 1, outcome.stderr);
  assert.match(outcome.stderr, /^streamrelay: what came is not what was sent[^\n]+\n$/);
  assert.deepEqual(resultOf(outcome).faults, { ...GOOD, altered: 3 });
});

for (
  const [what, tamper, args, code] of [
    ["drops a token", dropMessage(5, { renumber: false }), [], 5],
    ["sends a token twice", repeatMessage(5, { renumber: false }), [], 5],
    ["swaps two tokens", swapMessages(5, { renumber: false }), [], 5],
    ["drops an encrypted token", dropMessage(5), ["--encrypt"], 6],
  ] as const
) {
  Deno.test(`a relay that ${what} breaks a stream, which is no interrupt`, async () => {
    const target = { hostname: "127.0.0.1", port: relay.port };
    await using attacker = await startTamperingRelay({ target, tamper });
    const outcome = await ttft([...SHORT, ...args, "--url", attacker.url], withSecret);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stdout, /^! A stream broke: /);
    assert.doesNotMatch(outcome.stdout, /Interrupted/);
  });
}

Deno.test("a relay that dies in the middle: what was measured is printed, and why it is not all", async () => {
  await using relay = await startRelayProcess();
  await using process = spawnCli(["bench", "ttft", ...LONG, "--url", relay.url, "--json"]);
  await messagesReachReaders(relay.port, 100);
  await relay.stop("SIGKILL");
  const outcome = await process.finished;
  assert.ok([4, 5].includes(outcome.code), outcome.stderr);
  assert.match(outcome.stderr, /^streamrelay: [^\n]+\n$/);
  const { partial, runs, perToken, faults, failure } = resultOf(outcome);
  assert.deepEqual([partial, runs, faults?.broken], [true, [], 1]);
  assert.equal(outcome.stderr, `streamrelay: ${failure}\n`);
  assert.ok(perToken.latency.count > 0);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} in the middle: what was measured is printed, marked as partial`, async () => {
    await using relay = await startRelayProcess();
    await using process = spawnCli(["bench", "ttft", ...LONG, "--url", relay.url, "--json"]);
    await messagesReachReaders(relay.port, 100);
    process.kill(signal);
    const outcome = await process.finished;
    assert.deepEqual([outcome.code, outcome.stderr], [code, ""]);
    const { partial, streaming, faults, failure } = resultOf(outcome);
    assert.deepEqual([partial, faults, failure], [true, GOOD, undefined]);
    assert.equal(streaming.firstToken.count, 3);
  });
}

Deno.test("an interrupt before the first token leaves nothing to print", async () => {
  await using relay = await startRelayProcess();
  const args = ["bench", "ttft", "--prefill", "1h", "--runs", "1", "--url", relay.url];
  await using process = spawnCli(args);
  await messagesReachReaders(relay.port, 0, { consumers: 2 });
  process.kill("SIGINT");
  const { code, stdout, stderr } = await process.finished;
  assert.deepEqual([code, stdout], [130, ""]);
  assert.match(stderr, /nothing to print/);
});

Deno.test("a recording is played as it was, from a file", async () => {
  const path = await Deno.makeTempFile({ suffix: ".ndjson" });
  try {
    const lines = [
      '{"t":0.02,"content":"Hello"}',
      '{"t":0.05,"content":"\\n"}',
      '{"t":0.05,"content":"you"}',
    ];
    await Deno.writeTextFile(path, lines.join("\r\n"));
    const outcome = await ttft(["--replay", path, "--runs", "2", "--json"]);
    const { model, runs, faults } = resultOf(outcome);
    assert.deepEqual(model, { prefillMs: 20, tokens: 3, replay: path, encrypted: false });
    assert.deepEqual([outcome.code, runs.map((run) => run.receivedAt.length), faults], [
      0,
      [3, 3],
      GOOD,
    ]);
    await Deno.writeTextFile(path, `${lines[0]}\nnonsense\n`);
    const bad = await ttft(["--replay", path]);
    assert.deepEqual(bad, {
      code: 2,
      stdout: "",
      stderr: `streamrelay: Cannot replay ${path}:2: it is not JSON\n`,
    });
  } finally {
    await Deno.remove(path);
  }
});

const MISUSES: Record<string, [args: string[], why: RegExp]> = {
  "a rate of 0": [["--rate", "0"], /above 0/],
  "a length of 0": [["--length", "0"], /no token/],
  "no runs": [["--runs", "0"], /from 1 on/],
  "too many runs": [["--runs", "1001"], /at most 1000/],
  "tokens and a length": [["--tokens", "5", "--length", "1"], /not both/],
  "a rate of a recording": [["--replay", "x", "--rate", "5"], /--rate has no place there/],
  "a recording that is not there": [["--replay", "/nowhere/x"], /no such file/],
  "a recording that is a directory": [["--replay", "/"], /it is a directory/],
  "a recording without an end": [["--replay", "/dev/zero"], /larger than 64 MiB/],
  "a URL that is none": [["--url", "gopher://x"], /Cannot use the relay URL/],
  "an echo without a URL": [["--echo", "node-7"], /by --url/],
  "an echo without the key it has": [
    ["--echo", "node-7", "--url", "ws://x", "--encrypt"],
    /--key-file/,
  ],
};
for (const [what, [args, why]] of Object.entries(MISUSES)) {
  Deno.test(`${what} is wrong usage`, async () => {
    const { code, stdout, stderr } = await ttft(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, why);
  });
}

Deno.test("the help tells every exit code, and how runs are independent", async () => {
  const { stdout } = await ttft(["--help"]);
  const codes = stdout.slice(stdout.indexOf("Exit codes:"));
  for (const code of ["0", "1", "2", "3", "4", "5", "6", "130, 143"]) {
    assert.match(codes, new RegExp(`[:·] ${code} `));
  }
  assert.match(stdout, /independent of each other.*\n.*--parallel 1/);
});
