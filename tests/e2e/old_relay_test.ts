/** A relay that only speaks the plain protocol (v1): streams are complete, what cannot be made good is said, attacks are found out. */

import assert from "node:assert/strict";
import { assertFoundOut, KEY } from "../helpers/attack.ts";
import { type CliOptions, runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { OldRelay } from "../helpers/old_relay.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { V1_TAMPERS } from "../helpers/tampering_relay.ts";

const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: KEY },
};

function lines(from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += `line ${i} of a text that is long enough\n`;
  return text;
}

const TEXT = lines(0, 3000);

for (const [how, env] of Object.entries(WAYS)) {
  const options = ({ url }: { url: string }): CliOptions => ({
    env: { ...env, RELAY_URL: url, CHANNEL_ID: "job-7" },
  });

  Deno.test(`an old relay carries a stream whole, to who waits and who comes late (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using consumer = spawnCli(["consume"], options(relay));
    await using producer = spawnCli(["produce"], options(relay));
    await producer.write(lines(0, 10));
    await consumer.waitForStdout(/line 9 /); // as it comes
    await producer.write(lines(10, 3000));
    await producer.closeStdin();
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    const late = await runCli(["consume"], options(relay));
    for (const { code, stdout, stderr } of [await consumer.finished, late]) {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(stdout === TEXT);
    }
  });

  Deno.test(`a command's exit code passes through an old relay (${how})`, async () => {
    await using relay = await OldRelay.start();
    const command = ["sh", "-c", "echo text; exit 9"];
    const produced = await runCli(["produce", "--", ...command], options(relay));
    assert.deepEqual(produced, { code: 9, stdout: "", stderr: "" });
    const { code, stdout, stderr } = await runCli(["consume"], options(relay));
    assert.deepEqual([code, stdout], [1, "text\n"]);
    assert.match(stderr, /exit code 9/);
  });

  Deno.test(`a producer cut off from an old relay reads on, and both sides are told (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    await using producer = spawnCli(["produce", "--tee"], options(proxy));
    await using consumer = spawnCli(["consume"], options(relay));
    await producer.write(lines(0, 1000));
    await consumer.waitForStdout(/line 500 /);
    proxy.connections[0].cutAfter(5_001, "up");
    await producer.write(lines(1000, 3000));
    await producer.closeStdin();
    const consumed = await consumer.finished;
    assert.equal(consumed.code, 5);
    assert.match(consumed.stderr, /^streamrelay: the producer's connection ended.*\n$/);
    assert.ok(TEXT.startsWith(consumed.stdout) && consumed.stdout.length < TEXT.length);
    const produced = await producer.finished;
    assert.equal(produced.code, 4);
    assert.ok(produced.stdout === TEXT);
    assert.match(produced.stderr, /streamrelay: .*not (delivered|confirmed).*\n$/);
    assert.equal(proxy.connections.length, 1, "it cannot be resumed");
  });

  Deno.test(`a consumer cut off from an old relay says that it is not complete (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    await using producer = spawnCli(["produce"], options(relay));
    await using consumer = spawnCli(["consume"], options(proxy));
    await producer.write(lines(0, 1000));
    await consumer.waitForStdout(/line 500 /);
    proxy.connections[0].cutAfter(5_001, "down");
    await producer.write(lines(1000, 3000));
    await producer.closeStdin();
    const { code, stdout, stderr } = await consumer.finished;
    assert.equal(code, 5);
    assert.match(stderr, /^streamrelay: The connection to the relay was lost.*\n$/);
    assert.ok(TEXT.startsWith(stdout) && stdout.length < TEXT.length);
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    assert.equal(proxy.connections.length, 1, "it cannot be resumed");
  });

  Deno.test(`an old relay that goes away is told to both sides (${how})`, async () => {
    const relay = await OldRelay.start();
    await using producer = spawnCli(["produce", "--tee"], options(relay));
    await using consumer = spawnCli(["consume"], options(relay));
    await producer.write("one\n");
    await consumer.waitForStdout(/one\n/);
    await relay[Symbol.asyncDispose]();
    await producer.waitForStderr(/^streamrelay: Going on without the relay: .*\n/);
    await producer.write("two\n");
    await producer.closeStdin();
    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, "one\ntwo\n"]);
    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
  });
}

Deno.test("what an old relay cannot do is said", async () => {
  await using relay = await OldRelay.start();
  const options: CliOptions = { env: { RELAY_URL: relay.url, CHANNEL_ID: "job-7" } };
  assert.equal((await runCli(["produce"], { ...options, stdin: "text" })).code, 0);
  const cases: [string[], number[]][] = [
    [["cancel"], [4]],
    [["consume", "--from", "live"], [2]],
    [["consume", "--from", "run:1"], [2, 5]], // wrong usage, or the relay that had the position is gone
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runCli(args, options);
    assert.ok(expected.includes(code), `exit code ${code}`);
    assert.equal(stdout, "");
    assert.match(stderr, /^streamrelay: .* speaks the plain protocol \(v1\).*\n$/);
  }
});

for (const [name, tamper] of Object.entries(V1_TAMPERS)) {
  Deno.test(`an old relay that ${name} is found out`, async () => {
    await using relay = await OldRelay.start();
    await assertFoundOut(relay, tamper);
  });
}

Deno.test("a relay that is replaced by an old one in mid-stream ends it on both sides, with a word", async () => {
  await using relay = await startRelayProcess();
  await using old = await OldRelay.start();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  const options: CliOptions = { env: { RELAY_URL: proxy.url } };
  await using producer = spawnCli(["produce", "job-7"], options);
  await using consumer = spawnCli(["consume", "job-7"], options);
  await producer.write("one\n");
  await consumer.waitForStdout(/one\n/);
  proxy.retarget(old.port);
  await relay.stop("SIGKILL");
  const consumed = await consumer.finished;
  assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
  assert.match(consumed.stderr, /replaced by one that speaks the plain protocol/);
  await producer.waitForStderr(/Another relay answers now.*\n/);
  await producer.write("two\n");
  await producer.closeStdin();
  const produced = await producer.finished;
  assert.equal(produced.code, 4);
  assert.match(produced.stderr, /Another relay answers now.*\n.*not delivered/);
});
