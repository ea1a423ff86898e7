/** Connections and relays that are lost on the way, and come back: nothing is lost, nothing is printed twice. */

import assert from "node:assert/strict";
import { type CliOptions, type CliProcess, runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";

const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: "11".repeat(32) },
};
const LINES = Array.from({ length: 3000 }, (_, i) => `line ${i} of a text that is long enough\n`);
const TEXT = LINES.join("");

/** Writes the text in pieces and calls `meanwhile` a third of the way. */
async function write(producer: CliProcess, meanwhile: () => Promise<void>): Promise<void> {
  for (let i = 0; i < LINES.length; i += 100) {
    if (i === 1000) await meanwhile();
    await producer.write(LINES.slice(i, i + 100).join(""));
  }
  await producer.closeStdin();
}

/** What a producer that was cut off, and came back, says. */
const CAME_BACK = /^streamrelay: Going on without the relay, .*\nThe relay is there: .*\n$/;

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`connections cut in the middle of a frame are made again (${how})`, async () => {
    await using relay = await startRelayProcess();
    await using up = await startFaultProxy({ target: { hostname: "127.0.0.1", port: relay.port } });
    await using down = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    const options = (url: string): CliOptions => ({ env: { ...env, RELAY_URL: url } });
    await using producer = spawnCli(["produce", "job-7"], options(up.url));
    await using consumer = spawnCli(["consume", "job-7"], options(down.url));
    await write(producer, async () => {
      await consumer.waitForStdout(/line 500 /);
      up.connections[0].cutAfter(5_001, "up");
      down.connections[0].cutAfter(5_003, "down");
    });
    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stderr], [0, ""]);
    assert.ok(consumed.stdout === TEXT);
    const produced = await producer.finished;
    assert.equal(produced.code, 0, produced.stderr);
    assert.match(produced.stderr, CAME_BACK);
    assert.ok(up.connections.length > 1 && down.connections.length > 1);
  });

  Deno.test(`a relay that is killed and started anew is filled again (${how})`, async () => {
    await using first = await startRelayProcess();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: first.port },
    });
    const options: CliOptions = { env: { ...env, RELAY_URL: proxy.url } };
    await using producer = spawnCli(["produce", "job-7"], options);
    await using consumer = spawnCli(["consume", "job-7"], options);
    await using second = await startRelayProcess();
    await write(producer, async () => {
      await consumer.waitForStdout(/line 500 /);
      proxy.retarget(second.port);
      await first.stop("SIGKILL");
    });
    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stderr], [0, ""]);
    assert.ok(consumed.stdout === TEXT);
    assert.equal((await producer.finished).code, 0);
    // the new relay has all of it, the part too that the old one had delivered
    const late = await runCli(["consume", "job-7"], options);
    assert.deepEqual([late.code, late.stdout === TEXT], [0, true]);
  });

  Deno.test(`a position file goes on where the last run stopped (${how})`, async () => {
    await using relay = await startRelayProcess();
    const options: CliOptions = { env: { ...env, RELAY_URL: relay.url } };
    const file = await Deno.makeTempFile();
    await Deno.remove(file);
    await using producer = spawnCli(["produce", "job-7"], options);
    await using consumer = spawnCli(["consume", "job-7", "--position-file", file], options);
    await producer.write("one\n");
    await consumer.waitForStdout(/one\n/);
    consumer.kill("SIGTERM");
    const { stdout } = await consumer.finished;
    await producer.write("two\nthree\n");
    await producer.closeStdin();
    const rest = await runCli(["consume", "job-7", "--position-file", file], options);
    assert.deepEqual([rest.code, stdout + rest.stdout], [0, "one\ntwo\nthree\n"]);
    const again = await runCli(["consume", "job-7", "--position-file", file], options);
    assert.deepEqual(again, { code: 0, stdout: "", stderr: "" });
    await Deno.remove(file);
  });
}

Deno.test("a cancelled command is interrupted, and everyone is told that it was cancelled", async () => {
  await using relay = await startRelayProcess();
  const options: CliOptions = { env: { RELAY_URL: relay.url } };
  const script = "trap 'echo stopping; exit 3' INT; echo running; while :; do sleep 0.05; done";
  await using consumer = spawnCli(["consume", "job-7"], options);
  await using producer = spawnCli(["produce", "job-7", "--", "bash", "-c", script], options);
  await consumer.waitForStdout(/running/);
  assert.deepEqual(await runCli(["cancel", "job-7"], options), {
    code: 0,
    stdout: "",
    stderr: "job-7 has ended: cancelled\n",
  });
  const consumed = await consumer.finished;
  assert.deepEqual([consumed.code, consumed.stdout], [7, "running\nstopping\n"]);
  assert.equal((await producer.finished).code, 3);
  assert.match(relay.stderr(), /stream ended: cancelled \(exit code 3\)/);
});

Deno.test("a command's exit code is told to consumers, and is that of produce", async () => {
  await using relay = await startRelayProcess();
  const options: CliOptions = { env: { RELAY_URL: relay.url } };
  const produced = await runCli(
    ["produce", "job-7", "--", "sh", "-c", "echo text; exit 9"],
    options,
  );
  assert.equal(produced.code, 9);
  const { code, stdout, stderr } = await runCli(["consume", "job-7"], options);
  assert.deepEqual([code, stdout], [1, "text\n"]);
  assert.match(stderr, /exit code 9/);
  const { stdout: json } = await runCli(["consume", "job-7", "--json"], options);
  assert.equal(JSON.parse(json.split("\n")[1]).exit_code, 9);
});
