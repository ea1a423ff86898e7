/** `streamrelay relay`: where it listens, what it prints and logs. */

import assert from "node:assert/strict";
import { RawSocket } from "../helpers/raw_socket.ts";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { channelsBecome, servesOthers } from "../helpers/relay_state.ts";
import { until } from "../helpers/within.ts";

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/;

/** Runs a producer without a secret, whose channel the log tells by its first 8 characters. */
async function refusedProducer(port: number): Promise<void> {
  await using socket = await RawSocket.webSocket(port, "/produce/a-long-channel-name");
  await socket.send("{}");
  assert.equal((await socket.closed()).code, 4003);
}

Deno.test("--port 0 takes a free port and prints the URL to stdout", async () => {
  await using relay = spawnCli(["relay", "--port", "0"]);
  const [, port] = await relay.waitForStdout(/^ws:\/\/127\.0\.0\.1:(\d+)\n$/);
  await servesOthers(Number(port));
});

Deno.test("RELAY_HOST and RELAY_PORT are as good as the flags, which win", async () => {
  const env = { RELAY_HOST: "127.0.0.2", RELAY_PORT: "0" };
  await using relay = spawnCli(["relay"], { env });
  await relay.waitForStdout(/^ws:\/\/127\.0\.0\.2:[1-9]\d*\n$/);
  await using other = spawnCli(["relay", "--host", "127.0.0.3"], { env });
  await other.waitForStdout(/^ws:\/\/127\.0\.0\.3:[1-9]\d*\n$/);
});

Deno.test("without a secret it listens on this machine only, and warns", async () => {
  await using relay = spawnCli(["relay", "--port", "0"]);
  await relay.waitForStdout(/^ws:\/\/127\.0\.0\.1:/);
  await relay.waitForStderr(/\[WRN\].*no secret/);
});

Deno.test("with a secret it listens on all interfaces, and does not warn", async () => {
  await using relay = spawnCli(["relay", "--port", "0"], { env: { RELAY_SECRET: "s3cret" } });
  await relay.waitForStdout(/^ws:\/\/0\.0\.0\.0:/);
  assert.doesNotMatch(relay.stderr(), /WRN/);
});

Deno.test("an empty RELAY_SECRET is none", async () => {
  await using relay = spawnCli(["relay", "--port", "0"], { env: { RELAY_SECRET: "" } });
  const [, port] = await relay.waitForStdout(/^ws:\/\/127\.0\.0\.1:(\d+)/);
  await servesOthers(Number(port));
});

Deno.test("IPv6 addresses stand in brackets in the URL", async () => {
  await using relay = spawnCli(["relay", "--port", "0", "--host", "::1"]);
  const [url] = await relay.waitForStdout(/^ws:\/\/\[::1\]:\d+/);
  assert.equal((await runCli(["health", "--url", url, "--quiet"])).code, 0);
});

Deno.test("a port that is taken is exit 2 and one clear line that says what to do", async () => {
  await using first = await startRelayProcess();
  const args = ["relay", "--port", String(first.port), "--log-level", "error"];
  const { code, stdout, stderr } = await runCli(args);
  assert.deepEqual([code, stdout], [2, ""]);
  const line =
    `streamrelay: Cannot listen on 127\\.0\\.0\\.1:${first.port}: the port is taken.*--port`;
  assert.match(stderr, new RegExp(`^${line}.*\n$`));
  await servesOthers(first.port);
});

Deno.test("an address that is not this machine's is exit 2 and one line", async () => {
  for (const host of ["192.0.2.1", "no-such-host.invalid"]) {
    const args = ["relay", "--port", "0", "--host", host, "--log-level", "error"];
    const { code, stdout, stderr } = await runCli(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, new RegExp(`^streamrelay: Cannot listen on ${host}:0: \\S.*\n$`));
  }
});

Deno.test("log lines have a time, a level and words", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: "s3cret" });
  await refusedProducer(relay.port);
  await until(() => relay.stderr().includes("refused"), "the refusal in the log");
  assert.equal(await relay.stop(), 0);
  const lines = relay.stderr().trimEnd().split("\n");
  for (const line of lines) {
    assert.match(line, RFC3339);
    assert.match(line, / \[(INF|WRN)\] streamrelay·relay: \S/);
  }
  assert.match(relay.stderr(), /\[WRN\].*\[a-long-c\] produce refused: credential/);
  assert.match(relay.stderr(), /\[INF\].*stopped\n$/);
});

Deno.test("--log-format json makes each line an object with the same in it", async () => {
  const args = ["relay", "--port", "0", "--log-format", "json"];
  await using relay = spawnCli(args, { env: { RELAY_SECRET: "s3cret", RELAY_HOST: "127.0.0.1" } });
  const [, port] = await relay.waitForStdout(/:(\d+)\n/);
  await refusedProducer(Number(port));
  await servesOthers(Number(port), { Authorization: "Bearer s3cret" });
  await relay.waitForStderr(/ended/);
  relay.kill("SIGTERM");
  assert.equal((await relay.finished).code, 0);
  const entries = relay.stderr().trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const entry of entries) {
    assert.match(entry["@timestamp"], RFC3339);
    assert.ok(["INFO", "WARN"].includes(entry.level), entry.level);
  }
  const refusal = entries.find(({ message }) => message.includes("refused"));
  assert.deepEqual([refusal.channel, refusal.role], ["a-long-c", "produce"]);
  const end = entries.find(({ message }) => message.includes("ended"));
  assert.deepEqual([end.status, end.messages], ["done", 2]);
});

/** What each level shows of a relay that starts, refuses a producer and stops. */
const LEVELS: Record<string, [present: RegExp[], absent: RegExp[]]> = {
  debug: [[/DBG/, /INF/, /WRN/], []],
  info: [[/INF/, /WRN/], [/DBG/]],
  warning: [[/WRN/], [/DBG/, /INF/]],
  error: [[], [/DBG/, /INF/, /WRN/]],
};

for (const [level, [present, absent]] of Object.entries(LEVELS)) {
  Deno.test(`--log-level ${level} shows that and what is more severe`, async () => {
    await using relay = spawnCli(["relay", "--port", "0", "--log-level", level], {
      env: { RELAY_SECRET: "s3cret", RELAY_HOST: "127.0.0.1" },
    });
    const [, port] = await relay.waitForStdout(/:(\d+)\n/);
    await refusedProducer(Number(port));
    await servesOthers(Number(port), { Authorization: "Bearer s3cret" });
    relay.kill("SIGTERM");
    const { code, stderr } = await relay.finished;
    assert.equal(code, 0);
    for (const pattern of present) assert.match(stderr, pattern);
    for (const pattern of absent) assert.doesNotMatch(stderr, pattern);
  });
}

Deno.test("sizes and times may have units", async () => {
  const args = ["--max-message-bytes", "1k", "--channel-timeout", "0.3s"];
  await using relay = await startRelayProcess(args);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await producer.send("x".repeat(1025));
  assert.equal((await producer.closed()).code, 1009);
  await using waiting = await RawSocket.webSocket(relay.port, "/consume/job-8");
  assert.equal((await waiting.messages()).close.code, 4012);
  await channelsBecome(relay.port, 1); // the first one is retained
});
