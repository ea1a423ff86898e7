/** `bench max` as a user runs it. */

import assert from "node:assert/strict";
import type { MaxResult } from "../../src/bench/result.ts";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { messagesReachReaders } from "./traffic.ts";

const QUICK = ["--rate", "20", "--duration", "0.5", "--warm-up", "0", "--json"];
/** Milliseconds that no machine passes. */
const NEVER = "600000";

/** The largest load of a relay that refuses more than so many channels. */
async function maxOf(channels: number): Promise<MaxResult> {
  const limits = ["--max-channels", String(channels), "--retain", "0"];
  await using relay = await startRelayProcess(limits);
  const args = ["bench", "max", ...QUICK, "--slo", NEVER, "--url", relay.url];
  const { code, stdout, stderr } = await runCli(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("the channels are doubled until a relay refuses them, and the interval is halved twice", async () => {
  const { kind, steps, held, limit, notes } = await maxOf(20);
  assert.deepEqual([kind, limit, held!.held], ["max", "sockets", true]);
  assert.deepEqual(steps.map((step) => step.channels).slice(0, 4), [8, 16, 32, 24]);
  assert.deepEqual(steps.map((step) => step.held).slice(0, 4), [true, true, false, false]);
  assert.equal(steps.length, 5);
  assert.ok(held!.channels >= 16 && held!.channels <= 20);
  assert.match(notes.join("\n"), /at \d+ channels: /);
});

Deno.test("where not even the first load keeps the latency, fewer are tried and none is said to have held", async () => {
  const args = ["bench", "max", ...QUICK, "--slo", "0.001ms"];
  const { code, stdout, stderr } = await runCli(args);
  assert.equal(code, 0, stderr);
  const { steps, held, limit, notes }: MaxResult = JSON.parse(stdout);
  assert.deepEqual(steps.map((step) => step.channels), [8, 4, 2]);
  assert.equal(held, undefined);
  assert.notEqual(limit, "sockets");
  assert.match(notes.join("\n"), /is above 0.001 ms/);
});

Deno.test("Ctrl-C prints the loads that were measured until then", async () => {
  await using relay = await startRelayProcess();
  const args = ["bench", "max", ...QUICK, "--slo", NEVER, "--url", relay.url];
  await using process = spawnCli(args);
  await messagesReachReaders(relay.port, 200); // the first load has 80, the second one 160
  process.kill("SIGINT");
  const { code, stdout } = await process.finished;
  const { partial, steps, limit, notes }: MaxResult = JSON.parse(stdout);
  assert.deepEqual([code, partial], [130, true]);
  assert.deepEqual([limit, notes], ["none", []]); // nothing is concluded
  assert.equal(steps[0].channels, 8);
});

for (const slo of ["0", "-1", "soon", "5m"]) {
  Deno.test(`--slo ${slo} is wrong usage`, async () => {
    const { code, stderr } = await runCli(["bench", "max", `--slo=${slo}`]);
    assert.equal(code, 2);
    assert.match(stderr, /--slo.*Give ms/);
  });
}
