/** `bench echo` and `bench ttft --echo`: two processes that share nothing but a relay. */

import assert from "node:assert/strict";
import type { TtftResult } from "../../src/bench/result.ts";
import { type CliProcess, type CliResult, runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { messagesReachReaders } from "./traffic.ts";

const SHORT = ["--prefill", "0.05", "--tokens", "20", "--rate", "100", "--runs", "3"];
/** A model that takes longer than any test, and has its first token at once. */
const LONG = ["--prefill", "0", "--length", "1h", "--rate", "50", "--runs", "1"];
const GOOD = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };
const KEY = { RELAY_ENCRYPTION_KEY: "22".repeat(32) };

const relay = sharedRelay();
const freshId = () => crypto.randomUUID();

/** The two sides; each waits for the other for as long as a test may take. */
function echo(id: string, { url = relay.url, env = {} } = {}): CliProcess {
  return spawnCli(["bench", "echo", id, "--url", url], { env });
}
function ttft(id: string, args: string[], { url = relay.url, env = {} } = {}): CliProcess {
  return spawnCli(["bench", "ttft", ...args, "--json", "--echo", id, "--url", url], { env });
}

/** Checks that a measurement by ping-pong is whole and good. */
function checkWhole({ code, stdout, stderr }: CliResult): TtftResult {
  assert.deepEqual([code, stderr], [0, ""]);
  const result: TtftResult = JSON.parse(stdout);
  assert.equal(result.perToken.method, "ping-pong halves");
  assert.deepEqual([result.runs.length, result.partial, result.faults], [3, false, GOOD]);
  assert.equal(result.perToken.latency.count, 60);
  for (const { streaming, batch } of result.runs) {
    assert.ok(streaming.firstToken < batch.firstToken);
  }
  return result;
}

for (const first of ["echo", "ttft"]) {
  for (const [how, env] of Object.entries({ plain: {}, encrypted: KEY })) {
    Deno.test(`tokens go to another process and back, ${first} started first (${how})`, async () => {
      const id = freshId();
      await using one = first === "echo" ? echo(id, { env }) : ttft(id, SHORT, { env });
      if (first === "ttft") await messagesReachReaders(relay.port, 0, { consumers: 1 });
      await using other = first === "echo" ? ttft(id, SHORT, { env }) : echo(id, { env });
      const [echoed, measured] = await Promise.all(
        first === "echo" ? [one.finished, other.finished] : [other.finished, one.finished],
      );
      assert.equal(checkWhole(measured).model.encrypted, how === "encrypted");
      assert.deepEqual([echoed.code, echoed.stdout], [0, ""]);
      assert.match(echoed.stderr, /^\d+ tokens of 6 streams were sent back\n$/);
    });
  }
}

Deno.test("an id may be used again while the relay still has the streams of the first time", async () => {
  await using relay = await startRelayProcess(); // retains for minutes
  for (let times = 0; times < 2; times++) {
    await using answering = echo("node-7", relay);
    checkWhole(await ttft("node-7", SHORT, relay).finished);
    assert.equal((await answering.finished).code, 0);
  }
});

Deno.test("an echo that is not there is told, and how to start it", async () => {
  const id = freshId();
  const { code, stdout, stderr } = await ttft(id, [...SHORT, "--timeout", "0.2"]).finished;
  assert.deepEqual([code, stdout], [4, ""]);
  assert.match(stderr, new RegExp(`^streamrelay: [^\\n]*streamrelay bench echo ${id}\n$`));
  await relay.nothingLeaks();
});

Deno.test("an echo that nobody calls says so, and how to call it", async () => {
  const id = freshId();
  const args = ["bench", "echo", id, "--timeout", "0.2", "--url", relay.url];
  const { code, stdout, stderr } = await runCli(args);
  assert.deepEqual([code, stdout], [4, ""]);
  assert.match(stderr, new RegExp(`^streamrelay: [^\\n]*streamrelay bench ttft --echo ${id}\n$`));
});

Deno.test("an echo that goes in the middle: what was measured is printed, and why it is not all", async () => {
  await using relay = await startRelayProcess();
  await using answering = echo("node-7", relay);
  await using measuring = ttft("node-7", LONG, relay);
  await messagesReachReaders(relay.port, 100);
  answering.kill("SIGINT");
  assert.equal((await answering.finished).code, 130);
  const { code, stdout, stderr } = await measuring.finished;
  assert.equal(code, 5, stderr);
  assert.match(stderr, /^streamrelay: [^\n]+\n$/);
  const result: TtftResult = JSON.parse(stdout);
  assert.equal(result.partial, true);
  assert.ok(result.perToken.latency.count > 0);
});

Deno.test("an echo ends when the measurement is interrupted, and says that it was not whole", async () => {
  await using relay = await startRelayProcess();
  await using answering = echo("node-7", relay);
  await using measuring = ttft("node-7", LONG, relay);
  await messagesReachReaders(relay.port, 100);
  measuring.kill("SIGINT");
  assert.equal((await measuring.finished).code, 130);
  const { code, stderr } = await answering.finished;
  assert.equal(code, 5);
  assert.match(stderr, /^streamrelay: The measurement ended early: [^\n]+\n$/);
});

Deno.test("an echo without the key of the measurement says so", async () => {
  const id = freshId();
  await using measuring = ttft(id, SHORT, { env: KEY });
  await using answering = echo(id);
  const { code, stderr } = await answering.finished;
  assert.equal(code, 6, stderr);
  assert.match(stderr, /^streamrelay: The channel is encrypted[^\n]+\n$/);
  measuring.kill("SIGINT");
  assert.equal((await measuring.finished).code, 130);
});

Deno.test("a second measurement of an id is refused", async () => {
  await using relay = await startRelayProcess();
  await using first = ttft("node-7", SHORT, relay);
  await messagesReachReaders(relay.port, 0, { consumers: 1 });
  const { code, stderr } = await ttft("node-7", SHORT, relay).finished;
  assert.equal(code, 4);
  assert.equal(stderr, "streamrelay: Another measurement with the id node-7 is running\n");
  first.kill("SIGINT");
  assert.equal((await first.finished).code, 130);
});

Deno.test("a second echo of an id is refused, and the first goes on", async () => {
  await using relay = await startRelayProcess();
  await using first = echo("node-7", relay);
  await using measuring = ttft("node-7", LONG, relay);
  await messagesReachReaders(relay.port, 100);
  const second = await echo("node-7", relay).finished;
  assert.equal(second.code, 4);
  assert.equal(second.stderr, "streamrelay: Another echo with the id node-7 is running\n");
  measuring.kill("SIGINT");
  const { code, stdout } = await measuring.finished;
  assert.deepEqual([code, JSON.parse(stdout).faults], [130, GOOD]);
  assert.equal((await first.finished).code, 5);
});

for (const command of [["echo", "a/b"], ["ttft", "--echo", "a/b"], ["echo", "a".repeat(101)]]) {
  Deno.test(`an id that cannot begin a channel's name is wrong usage: ${command[0]} ${command.at(-1)!.length}`, async () => {
    const { code, stdout, stderr } = await runCli(["bench", ...command, "--url", relay.url]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^streamrelay: Cannot use that id[^\n]+\n$/);
  });
}
