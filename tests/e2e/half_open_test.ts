/** Connections that are dead for one side and alive for the other: nothing is lost, nothing is printed twice. */

import assert from "node:assert/strict";
import { type CliOptions, type CliProcess, spawnCli } from "../helpers/cli.ts";
import { SEQ_BYTES } from "../../src/protocol/data_frame.ts";
import { clientFrame } from "../helpers/client_frames.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault_proxy.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { within } from "../helpers/within.ts";

const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: "11".repeat(32) },
};
/** A peer is dead after 40 s of silence, seen at a pulse of 15 s; and an attempt to connect may come to nothing. */
const DEAD_MS = 100_000;
/** What a producer of ten plain tokens still sends when its stdin has ended: `done` in a data frame, and the end. */
const LAST_BYTES = clientFrame(new Uint8Array(SEQ_BYTES + '{"type":"done","usage":{}}\n'.length))
  .length + clientFrame('{"type":"end","next":11,"status":"done"}').length;

/** Two proxies in a row. */
class HalfOpenPath implements AsyncDisposable {
  private constructor(readonly near: FaultProxy, readonly far: FaultProxy) {}

  static async to(port: number): Promise<HalfOpenPath> {
    const far = await startFaultProxy({ target: { hostname: "127.0.0.1", port } });
    const near = await startFaultProxy({ target: { hostname: "127.0.0.1", port: far.port } });
    return new HalfOpenPath(near, far);
  }

  /** What passes to the relay and back is held up from now on. */
  freeze(): void {
    this.far.connections[0].freeze();
  }

  /** Resets the connection of the client, for which the relay's is still there: nothing of that passes. */
  cutClient(): void {
    this.near.connections[0].cut();
  }

  /** What was held up passes, too late. */
  async thaw(): Promise<void> {
    this.far.connections[0].thaw();
    await within(this.far.connections[0].closed, "the old connection to be closed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.near[Symbol.asyncDispose]();
    await this.far[Symbol.asyncDispose]();
  }
}

function lines(from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += `line ${i} of a text that is long enough\n`;
  return text;
}

async function assertWhole(consumer: CliProcess, text: string): Promise<void> {
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.ok(stdout === text, stdout);
}

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`a producer comes back while the relay believes in its old connection (${how})`, async () => {
    await using relay = await startRelayProcess();
    await using path = await HalfOpenPath.to(relay.port);
    const options = (url: string): CliOptions => ({
      env: { ...env, RELAY_URL: url, CHANNEL_ID: "job-7" },
    });
    await using producer = spawnCli(["produce"], options(path.near.url));
    await using consumer = spawnCli(["consume"], options(relay.url));
    await producer.write(lines(0, 100));
    await consumer.waitForStdout(/line 99 /);

    path.freeze();
    const [dead] = path.near.connections;
    const sent = dead.passed.up;
    await producer.write(lines(100, 200));
    await dead.untilPassed(sent + 1, "up");
    path.cutClient();
    await producer.waitForStderr(/The relay is there/);
    await consumer.waitForStdout(/line 199 /);
    await path.thaw(); // the relay gets some lines once more, from a connection that no longer counts
    await producer.write(lines(200, 300));
    await producer.closeStdin();

    await assertWhole(consumer, lines(0, 300));
    const { code, stderr } = await producer.finished;
    assert.equal(code, 0, stderr);
    assert.equal(path.far.connections.length, 2);
    assert.match(relay.stderr(), /stream ended: done, 301 messages/);
  });

  Deno.test(`a consumer comes back while the relay believes in its old connection (${how})`, async () => {
    await using relay = await startRelayProcess();
    await using path = await HalfOpenPath.to(relay.port);
    const options = (url: string): CliOptions => ({
      env: { ...env, RELAY_URL: url, CHANNEL_ID: "job-7" },
    });
    await using producer = spawnCli(["produce"], options(relay.url));
    await using consumer = spawnCli(["consume"], options(path.near.url));
    await producer.write(lines(0, 100));
    await consumer.waitForStdout(/line 99 /);
    path.freeze();
    await using other = spawnCli(["consume"], options(relay.url));
    await producer.write(lines(100, 200));
    await other.waitForStdout(/line 199 /); // so the relay has sent them to the dead connection too
    assert.ok(!consumer.stdout().includes("line 100 "));
    path.cutClient();
    await consumer.waitForStdout(/line 199 /);
    await path.thaw();
    await producer.write(lines(200, 300));
    await producer.closeStdin();
    await assertWhole(consumer, lines(0, 300));
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    assert.equal(path.far.connections.length, 2);
  });
}

Deno.test("an end that the relay has, and whose confirmation is lost, is confirmed to the next connection", async () => {
  await using relay = await startRelayProcess();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  const options = (url: string): CliOptions => ({ env: { RELAY_URL: url, CHANNEL_ID: "job-7" } });
  await using producer = spawnCli(["produce"], options(proxy.url));
  await using consumer = spawnCli(["consume"], options(relay.url));
  await producer.write(lines(0, 10));
  await consumer.waitForStdout(/line 9 /);
  proxy.connections[0].freezeAfter(LAST_BYTES, "up");
  await producer.closeStdin();
  await assertWhole(consumer, lines(0, 10));
  proxy.connections[0].cut();
  const { code, stderr } = await producer.finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /The relay is there/);
  assert.equal(proxy.connections.length, 2);
  assert.deepEqual(relay.stderr().match(/stream ended: .* messages/g), [
    "stream ended: done, 11 messages",
  ]);
});

Deno.test("a cable that is pulled, and put back for new connections, is noticed by the silence; nothing is lost", async () => {
  await using relay = await startRelayProcess();
  const target = { hostname: "127.0.0.1", port: relay.port };
  await using up = await startFaultProxy({ target });
  await using down = await startFaultProxy({ target });
  const options = (url: string): CliOptions => ({
    env: { ...WAYS.encrypted, RELAY_URL: url, CHANNEL_ID: "job-7" },
    timeoutMs: DEAD_MS,
  });
  await using producer = spawnCli(["produce"], options(up.url));
  await using consumer = spawnCli(["consume"], options(down.url));
  await producer.write(lines(0, 100));
  await consumer.waitForStdout(/line 99 /);
  up.connections[0].freeze();
  down.connections[0].freeze();
  await producer.write(lines(100, 200));
  await producer.waitForStderr(/The relay is there/);
  await consumer.waitForStdout(/line 199 /);
  await producer.write(lines(200, 300));
  await producer.closeStdin();
  await assertWhole(consumer, lines(0, 300));
  assert.equal((await producer.finished).code, 0);
  assert.deepEqual([up.connections.length, down.connections.length], [2, 2]);
});
