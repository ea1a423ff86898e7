/** A relay that is away for too long, or comes back without its memory: what is missing is counted, and said. */

import assert from "node:assert/strict";
import { type CliOptions, type CliProcess, runCli, spawnCli } from "../helpers/cli.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault_proxy.ts";
import { type RelayProcess, startRelayProcess } from "../helpers/relay_process.ts";
import { until } from "../helpers/within.ts";

const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: "11".repeat(32) },
};
/** What the producer says when it cannot go on, before it counts. */
const GIVEN_UP = /streamrelay: Going on without the relay: /;
const AWAY = /streamrelay: Going on without the relay, and trying it again: /;

function numbered(from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += `line ${i} of a text that is long enough\n`;
  return text;
}

/** The number of lines of a text. */
function count(text: string): number {
  return text.split("\n").length - 1;
}

/** The number of tokens that a producer said were not delivered. */
function undelivered(stderr: string): number {
  const match = /(\d+) tokens? (?:was|were) not delivered/.exec(stderr);
  assert.ok(match !== null, stderr);
  return Number(match[1]);
}

/** A relay behind a proxy, with a producer that copies and a consumer, and line 0 on its way through them. */
class Stream implements AsyncDisposable {
  private constructor(
    readonly relay: RelayProcess,
    readonly proxy: FaultProxy,
    readonly producer: CliProcess,
    readonly consumer: CliProcess,
    readonly direct: CliOptions,
  ) {}

  static async start(options: string[], env: Record<string, string>): Promise<Stream> {
    const relay = await startRelayProcess();
    const target = { hostname: "127.0.0.1", port: relay.port };
    const proxy = await startFaultProxy({ target });
    const through = { env: { ...env, RELAY_URL: proxy.url, CHANNEL_ID: "job-7" } };
    const direct = { env: { ...through.env, RELAY_URL: relay.url } };
    const stream = new Stream(
      relay,
      proxy,
      spawnCli(["produce", "--tee", ...options], through),
      spawnCli(["consume"], direct),
      direct,
    );
    await stream.producer.write(numbered(0, 1));
    await stream.consumer.waitForStdout(/line 0 .*\n/);
    return stream;
  }

  /** Takes the relay away from the producer alone. */
  async takeAway(): Promise<void> {
    this.proxy.refuse();
    this.proxy.cut();
    await this.producer.waitForStderr(AWAY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of [this.producer, this.consumer, this.proxy, this.relay]) {
      await part[Symbol.asyncDispose]();
    }
  }
}

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`more than --replay-buffer while the relay is away is counted, and consumers are told (${how})`, async () => {
    await using stream = await Stream.start(["--replay-buffer", "1k"], env);
    const { producer, consumer, proxy } = stream;
    await stream.takeAway();
    const text = numbered(0, 2000);
    for (let i = 1; i < 2000; i += 100) await producer.write(numbered(i, Math.min(i + 100, 2000)));
    await producer.waitForStdout(/line 1999 .*\n$/); // it reads on, whatever becomes of it
    await producer.waitForStderr(/--replay-buffer is full/);
    proxy.allow();
    await producer.closeStdin();

    const produced = await producer.finished;
    assert.equal(produced.code, 4);
    assert.ok(produced.stdout === text);
    const consumed = await consumer.finished;
    assert.equal(consumed.code, 1);
    assert.match(consumed.stderr, /^streamrelay: \d+ messages were dropped.*\n$/);
    assert.ok(text.startsWith(consumed.stdout));
    assert.equal(count(consumed.stdout) + undelivered(produced.stderr), 2000);

    const { stdout: json } = await runCli(["consume", "--json"], stream.direct);
    const { type, code } = JSON.parse(json.trimEnd().split("\n").at(-1)!);
    assert.deepEqual([type, code], ["error", "undelivered"]);
  });

  Deno.test(`once --give-up has passed the relay is tried no more, and stdin is read to its end (${how})`, async () => {
    await using stream = await Stream.start(["--give-up", "0.5"], env);
    const { producer, proxy } = stream;
    await stream.takeAway();
    await producer.write(numbered(1, 10));
    await producer.waitForStderr(GIVEN_UP);
    proxy.allow();
    await producer.write(numbered(10, 20));
    await producer.closeStdin();

    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, numbered(0, 20)]);
    assert.ok(undelivered(produced.stderr) >= 19, produced.stderr);
    assert.equal(proxy.connections.length, 1);
  });

  Deno.test(`a stream whose end waits for a relay that stays away fails when --give-up has passed (${how})`, async () => {
    await using stream = await Stream.start(["--give-up", "1"], env);
    const { producer } = stream;
    await stream.takeAway();
    await producer.write(numbered(1, 3));
    await producer.closeStdin();
    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, numbered(0, 3)]);
    assert.ok(undelivered(produced.stderr) >= 2, produced.stderr);
  });

  Deno.test(`a relay that is killed twice and started anew on its port is filled each time (${how})`, async () => {
    await using first = await startRelayProcess();
    const options: CliOptions = { env: { ...env, RELAY_URL: first.url, CHANNEL_ID: "job-7" } };
    await using producer = spawnCli(["produce"], options);
    await using consumer = spawnCli(["consume"], options);
    await producer.write(numbered(0, 100));
    await consumer.waitForStdout(/line 99 /);
    await first.stop("SIGKILL");
    await producer.waitForStderr(AWAY);
    await producer.write(numbered(100, 200));
    await using second = await startRelayProcess(["--port", `${first.port}`]);
    await consumer.waitForStdout(/line 199 /);
    await second.stop("SIGKILL");
    await producer.write(numbered(200, 300));
    await producer.closeStdin();
    await using _third = await startRelayProcess(["--port", `${first.port}`]);

    const text = numbered(0, 300);
    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stdout, consumed.stderr], [0, text, ""]);
    const produced = await producer.finished;
    assert.equal(produced.code, 0, produced.stderr);
    assert.equal(produced.stderr.match(/The relay is there/g)?.length, 2);
    assert.deepEqual(await runCli(["consume"], options), { code: 0, stdout: text, stderr: "" });
  });

  Deno.test(`a new relay that cannot be given the beginning any more says so to who wants it (${how})`, async () => {
    // short limits are watched often, and with that comes what is acknowledged, and may be forgotten
    await using first = await startRelayProcess(["--resume-timeout", "1"]);
    await using second = await startRelayProcess();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: first.port },
    });
    const options: CliOptions = { env: { ...env, RELAY_URL: proxy.url, CHANNEL_ID: "job-7" } };
    await using producer = spawnCli(["produce", "--replay-buffer", "4k"], options);
    await using consumer = spawnCli(["consume"], options);
    for (let i = 0; i < 200; i += 10) {
      await producer.write(numbered(i, i + 10));
      await consumer.waitForStdout(new RegExp(`line ${i + 9} `));
    }
    proxy.retarget(second.port);
    await first.stop("SIGKILL");
    await producer.waitForStderr(/The relay is there/);
    await producer.write(numbered(200, 210));
    await producer.closeStdin();

    // who had the beginning misses nothing
    const text = numbered(0, 210);
    assert.deepEqual(await consumer.finished, { code: 0, stdout: text, stderr: "" });
    assert.equal((await producer.finished).code, 0);

    const late = await runCli(["consume"], options);
    assert.deepEqual([late.code, late.stdout], [5, ""]);
    const [, next] = /^streamrelay: messages 0 to (\d+) are no longer retained/.exec(late.stderr)!;
    const rest = await runCli(["consume", "--allow-gaps"], options);
    assert.deepEqual([rest.code, rest.stdout], [0, numbered(Number(next) + 1, 210)]);
    assert.ok(Number(next) > 100, `only ${next} messages were forgotten`);
  });
}

Deno.test("a relay that is not there from the start, and comes, gets all of it", async () => {
  await using relay = await startRelayProcess();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  proxy.refuse();
  const options: CliOptions = { env: { RELAY_URL: proxy.url, CHANNEL_ID: "job-7" } };
  await using producer = spawnCli(["produce"], options);
  await producer.write(numbered(0, 1000));
  await producer.waitForStderr(AWAY);
  await until(() => proxy.refused > 1, "another attempt");
  proxy.allow();
  await producer.closeStdin();
  assert.equal((await producer.finished).code, 0);
  const consumed = await runCli(["consume"], options);
  assert.deepEqual(consumed, { code: 0, stdout: numbered(0, 1000), stderr: "" });
});

Deno.test("a consumer whose relay stays away ends with what it has, and exit code 5", async () => {
  await using relay = await startRelayProcess();
  const options: CliOptions = { env: { RELAY_URL: relay.url, CHANNEL_ID: "job-7" } };
  await using producer = spawnCli(["produce", "--give-up", "0"], options);
  await using consumer = spawnCli(["consume", "--give-up", "0.5"], options);
  await producer.write("one\n");
  await consumer.waitForStdout(/one\n/);
  await relay.stop("SIGKILL");
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stdout], [5, "one\n"]);
  assert.match(stderr, /^streamrelay: The stream is incomplete, as the relay stays away: .*\n$/);
});
