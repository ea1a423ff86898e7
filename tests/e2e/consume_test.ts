/** `streamrelay consume`: when it comes, how it prints, how long it waits. */

import assert from "node:assert/strict";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { channelsBecome } from "../helpers/relay_state.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { runShell, spawnShell } from "./shell.ts";

const relay = sharedRelay(["--retain", "60"]);
const SUCCESS = { code: 0, stdout: "", stderr: "" };

function produce(channel: string, stdin: string | Uint8Array) {
  return runCli(["produce", channel, "--url", relay.url], { stdin });
}

function consume(channel: string, ...args: string[]) {
  return runCli(["consume", channel, "--url", relay.url, ...args]);
}

/** A producer that goes on, and has sent `text`. */
async function producing(channel: string, text: string) {
  const producer = spawnCli(["produce", channel, "--url", relay.url]);
  await producer.write(text);
  return producer;
}

Deno.test("a consumer that comes first waits for the producer", async () => {
  await using own = await startRelayProcess();
  await using consumer = spawnCli(["consume", "job-7", "--url", own.url]);
  await channelsBecome(own.port, 1);
  const produced = await runCli(["produce", "job-7", "--url", own.url], { stdin: "late\nstart" });
  assert.deepEqual(produced, SUCCESS);
  assert.deepEqual(await consumer.finished, { ...SUCCESS, stdout: "late\nstart" });
});

Deno.test("a consumer that comes after the end gets everything, as does the next one", async () => {
  const channel = crypto.randomUUID();
  await produce(channel, "all\nof it");
  assert.deepEqual(await consume(channel), { ...SUCCESS, stdout: "all\nof it" });
  assert.deepEqual(await consume(channel), { ...SUCCESS, stdout: "all\nof it" });
});

Deno.test("many consumers, come at any time, all print the same", async () => {
  const channel = crypto.randomUUID();
  const consumers = [consume(channel), consume(channel)];
  await using producer = await producing(channel, "one\n");
  consumers.push(consume(channel));
  await producer.write("two\n");
  consumers.push(consume(channel), consume(channel));
  await producer.write("three\n");
  await producer.closeStdin();
  consumers.push(consume(channel));
  for (const result of await Promise.all(consumers)) {
    assert.deepEqual(result, { ...SUCCESS, stdout: "one\ntwo\nthree\n" });
  }
});

Deno.test("--json prints every message as one line of JSON", async () => {
  const channel = crypto.randomUUID();
  await produce(channel, "one\nzwö \u2028\0\n");
  const { code, stdout } = await consume(channel, "--json");
  assert.equal(code, 0);
  assert.deepEqual(stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line)), [
    { type: "token", content: "one\n" },
    { type: "token", content: "zwö \u2028\0\n" },
    { type: "done", usage: {} },
  ]);
});

Deno.test("--json prints a message as it comes", async () => {
  const channel = crypto.randomUUID();
  await using consumer = spawnCli(["consume", channel, "--url", relay.url, "--json"]);
  await using _producer = await producing(channel, "now");
  await consumer.waitForStdout(/^{"type":"token","content":"now"}\n$/);
});

Deno.test("--collect prints nothing until the end, then all of it", async () => {
  const channel = crypto.randomUUID();
  await using collecting = spawnCli(["consume", channel, "--url", relay.url, "--collect"]);
  await using live = spawnCli(["consume", channel, "--url", relay.url]);
  await using producer = await producing(channel, "");
  let text = "";
  for (const word of ["not", " yet", " not", " yet"]) {
    await producer.write(word);
    text += word;
    await live.waitForStdout(new RegExp(`${text}$`));
  }
  assert.equal(collecting.stdout(), "");
  await producer.closeStdin();
  assert.deepEqual(await collecting.finished, { ...SUCCESS, stdout: text });
});

Deno.test("--stats tells time to first token, tokens and rate on stderr", async () => {
  const channel = crypto.randomUUID();
  await produce(channel, "one\ntwo\nthree\n");
  const { code, stdout, stderr } = await consume(channel, "--stats");
  assert.deepEqual([code, stdout], [0, "one\ntwo\nthree\n"]);
  assert.match(stderr, /^time to first token \d+\.\d{3} s, 3 tokens, (\d+\.\d|–) tokens\/s\n$/);
});

Deno.test("--stats of a stream without a token says so", async () => {
  const channel = crypto.randomUUID();
  await produce(channel, "");
  assert.deepEqual(await consume(channel, "--stats"), { ...SUCCESS, stderr: "no token came\n" });
});

Deno.test("--timeout ends the wait for a first message with exit 4", async () => {
  const { code, stdout, stderr } = await consume(crypto.randomUUID(), "--timeout", "0.3");
  assert.deepEqual([code, stdout], [4, ""]);
  assert.match(stderr, /^streamrelay: .*--timeout.*\n$/);
});

Deno.test("--timeout is about the first message only", async () => {
  const channel = crypto.randomUUID();
  await using first = await producing(channel, "in time");
  // the other times out later than this one, so this one's time has passed when that has
  const consumer = spawnCli(["consume", channel, "--url", relay.url, "--timeout", "2"]);
  await consumer.waitForStdout(/in time/);
  assert.equal((await consume(crypto.randomUUID(), "--timeout", "2")).code, 4);
  await first.closeStdin();
  assert.deepEqual(await consumer.finished, { ...SUCCESS, stdout: "in time" });
});

Deno.test("--idle-timeout ends the wait for a next message with exit 4; what came is printed", async () => {
  const channel = crypto.randomUUID();
  await using _producer = await producing(channel, "one");
  const { code, stdout, stderr } = await consume(channel, "--idle-timeout", "0.3");
  assert.deepEqual([code, stdout], [4, "one"]);
  assert.match(stderr, /^streamrelay: .*--idle-timeout.*\n$/);
});

Deno.test("--idle-timeout with --collect prints what came as well", async () => {
  const channel = crypto.randomUUID();
  await using _producer = await producing(channel, "one");
  const { code, stdout } = await consume(channel, "--collect", "--idle-timeout", "0.3");
  assert.deepEqual([code, stdout], [4, "one"]);
});

Deno.test("a consumer whose reader leaves (| head) ends quietly with exit 0", async () => {
  const channel = crypto.randomUUID();
  await using _producer = await producing(channel, "hello world\n".repeat(50_000));
  const script = `{ streamrelay consume ${channel}; echo "code $?" >&2; } | head -c 5`;
  const result = await runShell(script, { env: { RELAY_URL: relay.url } });
  assert.deepEqual(result, { code: 0, stdout: "hello", stderr: "code 0\n" });
});

Deno.test("a stdout that cannot be written to (a full disk) ends it with one clear line and exit 5", async () => {
  const channel = crypto.randomUUID();
  await using _producer = await producing(channel, "hello\n".repeat(50_000));
  const script = `streamrelay consume ${channel} >/dev/full`;
  const { code, stderr } = await runShell(script, { env: { RELAY_URL: relay.url } });
  assert.equal(code, 5, stderr);
  assert.match(stderr, /^streamrelay: Cannot write to stdout: No space left.*\n$/);
});

Deno.test("a reader of stdout that takes its time holds the consumer back without loss", async () => {
  const channel = crypto.randomUUID();
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} of many\n`).join("");
  // cat begins when stdin ends, which is after the stream has
  await using shell = spawnShell(
    `exec 3<&0; streamrelay consume ${channel} | { read -r line <&3; cat; }`,
    { env: { RELAY_URL: relay.url } },
  );
  assert.deepEqual(await produce(channel, text), SUCCESS);
  await shell.closeStdin();
  assert.equal((await shell.finished).code, 0);
  assert.ok(shell.stdout() === text);
});

Deno.test("a consumer of a stream whose beginning is gone says so and exits with 5; --allow-gaps prints the rest", async () => {
  await using small = await startRelayProcess(["--max-buffer", "2"]);
  const options = ["job-7", "--url", small.url];
  const stdin = "one\ntwo\nthree\nfour\n";
  assert.deepEqual(await runCli(["produce", ...options], { stdin }), SUCCESS);
  const { code, stdout, stderr } = await runCli(["consume", ...options]);
  assert.deepEqual([code, stdout], [5, ""]);
  assert.match(stderr, /^streamrelay: messages 0 to 2 are no longer .*--allow-gaps.*\n$/);
  // the fifth message is `done`
  const rest = await runCli(["consume", ...options, "--allow-gaps"]);
  assert.deepEqual([rest.code, rest.stdout], [0, "four\n"]);
  assert.match(rest.stderr, /^streamrelay: messages 0 to 2 are no longer .*\n$/);
});
