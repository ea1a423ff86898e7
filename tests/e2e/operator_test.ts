/** What the operator sees of a relay that runs. */

import assert from "node:assert/strict";
import { RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { until } from "../helpers/within.ts";

const SECRET = "s3cret-of-the-relay";
const CONTENT = "the-content-of-the-stream";

async function ask(url: string, path: string, secret: string | undefined = SECRET) {
  const headers = secret === undefined ? undefined : { Authorization: `Bearer ${secret}` };
  const response = await fetch(url.replace("ws", "http") + path, { headers });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

/** A relay whose log is JSON; its URL is read from its stdout. */
async function jsonRelay(env: Record<string, string> = {}) {
  const args = ["relay", "--host", "127.0.0.1", "--port", "0", "--log-format", "json"];
  const process = spawnCli(args, { env });
  try {
    const [, url] = await process.waitForStdout(/^(ws:\S+)\n/);
    return { ...process, url };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

Deno.test("a stream is seen while it runs and after it, and nothing of its content", async () => {
  await using relay = await jsonRelay({ RELAY_SECRET: SECRET });
  const channel = crypto.randomUUID();
  const shared = { url: relay.url, channel, secret: SECRET };
  const producer = await RelayProducer.connect({ ...shared, meta: { job: "4711", model: "m7" } });
  const reading = new RelayConsumer(shared).collect();
  await producer.sendToken(CONTENT);
  await until(async () => {
    const { json } = await ask(relay.url, `/channels/${channel}`);
    return json.consumers.length === 1 && json.totals.messages_out === 1;
  }, "the consumer to be seen");
  const { json, text: details } = await ask(relay.url, `/channels/${channel}`);
  assert.deepEqual(json.meta, { job: "4711", model: "m7" });
  assert.equal(json.position, `${producer.epoch}:1`);
  assert.deepEqual([json.state, json.resumable], ["live", true]);
  assert.deepEqual(json.consumers, [{ state: "live", position: json.position, lag: 0 }]);
  await producer.done();
  assert.equal(await reading, CONTENT);
  const { json: list, text } = await ask(relay.url, "/channels?state=ended");
  assert.deepEqual([list.total, list.channels[0].end.status], [1, "done"]);
  const { text: metrics } = await ask(relay.url, "/metrics", undefined);
  assert.match(metrics, /^streamrelay_messages_total\{direction="in"\} 2$/m);
  assert.match(metrics, /^streamrelay_messages_total\{direction="out"\} 2$/m);
  assert.match(metrics, /^streamrelay_streams_ended_total\{status="done"\} 1$/m);
  assert.match(metrics, /^streamrelay_first_message_seconds_count 1$/m);
  assert.match(metrics, /^streamrelay_relay_seconds_count [1-9]/m);
  assert.doesNotMatch(details + text + metrics, new RegExp(CONTENT));
  assert.doesNotMatch(metrics, new RegExp(`${channel}|4711`));
});

Deno.test("one log line tells a stream's end with its totals, and neither its whole id nor its content", async () => {
  await using relay = await jsonRelay();
  const channel = crypto.randomUUID();
  const shared = { url: relay.url, channel };
  const producer = await RelayProducer.connect(shared);
  const readings = [1, 2].map(() => new RelayConsumer(shared).collect());
  await until(async () => {
    return (await ask(relay.url, `/channels/${channel}`)).json.consumers.length === 2;
  }, "two consumers");
  for (let i = 0; i < 4; i++) await producer.sendToken(CONTENT);
  await producer.done();
  await Promise.all(readings);
  await until(() => relay.stderr().includes("stream ended"), "the log line");
  const lines = relay.stderr().split("\n").filter((line) => line.includes("stream ended"));
  assert.equal(lines.length, 1);
  const { bytes, bytes_out, seconds, ...line } = JSON.parse(lines[0]);
  assert.deepEqual(
    [line.event, line.channel, line.status, line.messages, line.messages_out, line.consumers],
    ["stream ended", channel.slice(0, 8), "done", 5, 10, 2],
  );
  assert.deepEqual([line.gaps, line.messages_missed], [0, 0]);
  assert.ok(bytes > 4 * CONTENT.length && bytes_out === 2 * bytes);
  assert.equal(typeof seconds, "number");
  assert.doesNotMatch(relay.stderr(), new RegExp(`${CONTENT}|${channel}`));
});

Deno.test("the text log has the totals on one line, too", async () => {
  await using relay = await startRelayProcess();
  await using producer = await RelayProducer.connect({ url: relay.url, channel: "job-7" });
  await producer.sendToken("x");
  await producer.done();
  await until(() => relay.stderr().includes("stream ended"), "the log line");
  assert.match(
    relay.stderr(),
    /\[job-7\] stream ended: done, 2 messages in [\d.]+ s, \d+ bytes, 0 consumers, 0 gaps\n/,
  );
});

Deno.test("produce tells the scheduler's job and --meta, and nothing with --no-job", async () => {
  await using relay = await startRelayProcess();
  const env = { SLURM_ARRAY_JOB_ID: "4711", SLURM_ARRAY_TASK_ID: "2" };
  const metas = [
    {
      args: ["--meta", "model=m7", "--meta", "user=me"],
      meta: { job: "4711_2", model: "m7", user: "me" },
    },
    { args: ["--no-job"], meta: {} },
  ];
  for (const [i, { args, meta }] of metas.entries()) {
    await using _process = spawnCli(["produce", `job-${i}`, "--url", relay.url, ...args], { env });
    await until(async () => (await ask(relay.url, `/channels/job-${i}`)).status === 200, "the job");
    assert.deepEqual((await ask(relay.url, `/channels/job-${i}`)).json.meta ?? {}, meta);
  }
});

Deno.test("refusals are counted by reason", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const { code } = await runCli(["consume", "job-7", "--url", relay.url, "--secret", "guess"]);
  assert.equal(code, 3);
  const { text } = await ask(relay.url, "/metrics");
  assert.match(text, /^streamrelay_refusals_total\{reason="unauthorized"\} [1-9]/m);
  assert.doesNotMatch(text, /guess|job-7/);
});
