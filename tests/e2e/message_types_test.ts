// deno-lint-ignore-file no-control-regex -- terminals are sent control characters
/** Messages that are not text: `produce --format ndjson`, the library's calls, and the bar of `consume`. */

import assert from "node:assert/strict";
import { generateKey, RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { runCli, spawnCli, spawnProcess } from "../helpers/cli.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

// its ended streams are read afterwards
const relay = sharedRelay(["--retain", "300"]);
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const KEY = generateKey();

const MESSAGES = [
  { type: "log", content: "loading" },
  { type: "progress", percent: 40, step: "epoch 2" },
  { type: "token", content: "Grüße\n" },
  { type: "event", name: "saved", data: { path: "a.bin" } },
  { type: "metrics", loss: 0.5 },
];

function ndjson(...messages: unknown[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join("");
}

function produce(channel: string, stdin: string, ...args: string[]) {
  return runCli(["produce", channel, "--url", relay.url, "--format", "ndjson", ...args], { stdin });
}

/** All messages of a channel, whatever its ending. */
async function messagesOf(channel: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await runCli(["consume", channel, "--url", relay.url, "--json", ...args]);
  return stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

for (
  const [how, args] of [["in plain text", []], ["encrypted", ["--encryption-key", KEY]]] as const
) {
  Deno.test(`produce --format ndjson sends messages of every type, ${how}`, async () => {
    const channel = crypto.randomUUID();
    const { code, stderr } = await produce(channel, ndjson(...MESSAGES), ...args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(await messagesOf(channel, ...args), [...MESSAGES, {
      type: "done",
      usage: {},
    }]);
  });
}

Deno.test("a line that is no message is sent as log, and told once", async () => {
  const channel = crypto.randomUUID();
  const input = `Loading…\n${ndjson(MESSAGES[1])}Warning: slow\n`;
  const { code, stderr } = await produce(channel, input);
  assert.equal(code, 0);
  assert.match(stderr, /^streamrelay: a line is no message.*\n$/);
  const [first, second, third] = await messagesOf(channel);
  assert.deepEqual(first, { type: "log", stream: "stdout", content: "Loading…" });
  assert.deepEqual(second, MESSAGES[1]);
  assert.equal(third.content, "Warning: slow");
});

Deno.test("done in the input gives the usage, and what follows is not sent but told", async () => {
  const channel = crypto.randomUUID();
  const usage = { completion_tokens: 3 };
  const { code, stderr } = await produce(channel, ndjson({ type: "done", usage }, MESSAGES[0]));
  assert.equal(code, 0);
  assert.match(stderr, /goes on after its done/);
  assert.deepEqual(await messagesOf(channel), [{ type: "done", usage }]);
});

Deno.test("error in the input ends the stream with it: exit code 1 on both sides", async () => {
  const channel = crypto.randomUUID();
  const error = { type: "error", message: "out of memory", code: "upstream" };
  const { code } = await produce(channel, ndjson(MESSAGES[2], error));
  assert.equal(code, 1);
  const consumed = await runCli(["consume", channel, "--url", relay.url]);
  assert.deepEqual([consumed.code, consumed.stdout], [1, "Grüße\n"]);
  assert.match(consumed.stderr, /out of memory/);
});

Deno.test("a command's error message is told with its exit code, which is ours", async () => {
  const channel = crypto.randomUUID();
  const script = `echo '{"type":"error","message":"no such model"}'; exit 9`;
  const args = ["produce", channel, "--url", relay.url, "--format", "ndjson"];
  const { code } = await runCli([...args, "--", "sh", "-c", script]);
  assert.equal(code, 9);
  const { type, message, exit_code } = (await messagesOf(channel)).at(-1)!;
  assert.deepEqual([type, message, exit_code], ["error", "no such model", 9]);
});

Deno.test("a line that is too long is missing, and both sides are told", async () => {
  const channel = crypto.randomUUID();
  const long = "x".repeat(11 * 2 ** 20);
  const { code, stderr } = await produce(channel, `${ndjson(MESSAGES[0])}${long}\n`);
  assert.equal(code, 4);
  assert.match(stderr, /too long and is missing/);
  assert.doesNotMatch(stderr, /xxx/);
  const { code: other, stderr: told } = await runCli(["consume", channel, "--url", relay.url]);
  assert.equal(other, 1);
  assert.match(told, /too long/);
});

Deno.test("the library has a call for each type", async () => {
  const shared = { url: relay.url, channel: crypto.randomUUID() };
  await using producer = await RelayProducer.connect(shared);
  await producer.log("loading", { level: "info" });
  await producer.progress({ percent: 40, step: "epoch 2" });
  await producer.progress({ step: "saving" });
  await producer.event("saved", { path: "a.bin" });
  await assert.rejects(producer.progress({ percent: 101 }), RangeError);
  await assert.rejects(producer.progress({ percent: NaN }), RangeError);
  await producer.done();
  const messages = await Array.fromAsync(new RelayConsumer(shared).messages());
  assert.deepEqual(messages, [
    { type: "log", level: "info", content: "loading" },
    { type: "progress", percent: 40, step: "epoch 2" },
    { type: "progress", step: "saving" },
    { type: "event", name: "saved", data: { path: "a.bin" } },
    { type: "done", usage: {} },
  ]);
});

Deno.test("consume shows progress as a bar on a terminal, and takes it away", async () => {
  const channel = crypto.randomUUID();
  await using producer = await RelayProducer.connect({ url: relay.url, channel });
  const consume = `'${Deno.execPath()}' run -A '${MAIN}' consume ${channel} --url ${relay.url}`;
  await using terminal = spawnProcess("script", ["-qec", `${consume} > /dev/null`, "/dev/null"], {
    env: { NO_COLOR: "1", TERM: "xterm" },
  });
  await terminal.waitForStdout(/waiting for the first token/);
  await producer.progress({ percent: 25, step: "epoch\x1b[2J 1" });
  await terminal.waitForStdout(/\[######-{18}\] {2}25 % epoch\[2J 1/);
  await producer.sendToken("text");
  await producer.progress({ percent: 50 });
  await terminal.waitForStdout(/\r\x1b\[K\[#{12}-{12}\] {2}50 %/);
  await producer.done();
  const { code, stdout } = await terminal.finished;
  assert.equal(code, 0);
  assert.match(stdout, /\r\x1b\[K$/);
  assert.doesNotMatch(stdout, /\x1b\[2J/);
});

Deno.test("on one terminal the bar waits for the end of the line that is being written", async () => {
  const channel = crypto.randomUUID();
  await using producer = await RelayProducer.connect({ url: relay.url, channel });
  const consume = `'${Deno.execPath()}' run -A '${MAIN}' consume ${channel} --url ${relay.url}`;
  await using terminal = spawnProcess("script", ["-qec", consume, "/dev/null"], {
    env: { NO_COLOR: "1", TERM: "xterm" },
  });
  await terminal.waitForStdout(/waiting for the first token/);
  await producer.sendToken("Hello");
  await terminal.waitForStdout(/Hello$/);
  await producer.progress({ percent: 75 });
  await producer.sendToken(" world\n");
  await terminal.waitForStdout(/Hello world\r\n\[#{18}-{6}\] {2}75 %$/);
  await producer.sendToken("again\n");
  await terminal.waitForStdout(/75 %\r\x1b\[Kagain\r\n\[#{18}-{6}\] {2}75 %$/);
  await producer.done();
  assert.equal((await terminal.finished).code, 0);
});

Deno.test("without a terminal nothing is drawn", async () => {
  const channel = crypto.randomUUID();
  await produce(channel, ndjson(MESSAGES[1], MESSAGES[2]));
  const { code, stdout, stderr } = await runCli(["consume", channel, "--url", relay.url]);
  assert.deepEqual([code, stdout, stderr], [0, "Grüße\n", ""]);
});

Deno.test("text and messages keep their order while they come one by one", async () => {
  const channel = crypto.randomUUID();
  await using process = spawnCli(["produce", channel, "--url", relay.url, "--format", "ndjson"]);
  await using consumer = spawnCli(["consume", channel, "--url", relay.url, "--json"]);
  await process.write('{"type":"token","content":"a"}\n{"type":"prog');
  await consumer.waitForStdout(/"a"/);
  await process.write('ress","percent":1}\n');
  await consumer.waitForStdout(/"percent":1\}\n/);
  await process.write('{"type":"token","content":"b"}'); // no newline at the end
  await process.closeStdin();
  assert.equal((await process.finished).code, 0);
  const { code, stdout } = await consumer.finished;
  assert.equal(code, 0);
  assert.deepEqual(stdout.split("\n").slice(0, 3).map((line) => JSON.parse(line).type), [
    "token",
    "progress",
    "token",
  ]);
});
