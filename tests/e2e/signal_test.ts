/** SIGINT and SIGTERM: a clean end that the other side is told of; a second one ends at once. */

import assert from "node:assert/strict";
import { RawSocket } from "../helpers/raw_socket.ts";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { within } from "../helpers/within.ts";
import { spawnShell } from "./shell.ts";
import { unansweringServer } from "./unanswering_server.ts";

const relay = sharedRelay();
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** Shorter than every time limit of a client that waits for a server, which is 10 s. */
const AT_ONCE_MS = 8_000;

/** A script: a command whose stdout is a pipe that stays open while nobody reads from it. */
const BLOCKED = (command: string) =>
  `exec 3<&0
  { "$DENO" run --quiet -A "$MAIN" ${command} & echo "pid $!" >&2; wait $!; echo "code $?" >&2; } |
    { read -r line <&3; }`;

for (const [signal, exitCode] of Object.entries(EXIT_CODES)) {
  const name = signal as Deno.Signal;

  Deno.test(`${signal} to a producer: consumers get all it read, and why there is no more`, async () => {
    const args = ["job-7", "--url", relay.url];
    await using consumer = spawnCli(["consume", ...args]);
    await using producer = spawnCli(["produce", ...args, "--tee"]);
    await producer.write("one\ntwo\nthr");
    await consumer.waitForStdout(/thr$/);
    producer.kill(name);
    assert.deepEqual(await producer.finished, {
      code: exitCode,
      stdout: "one\ntwo\nthr",
      stderr: "",
    });
    const { code, stdout, stderr } = await consumer.finished;
    assert.deepEqual([code, stdout], [1, "one\ntwo\nthr"]);
    assert.match(stderr, new RegExp(`^streamrelay: .*${signal}.*\n$`));
  });

  Deno.test(`${signal} to a producer is told in a message that programs can read`, async () => {
    const channel = crypto.randomUUID();
    await using consumer = await RawSocket.webSocket(relay.port, `/consume/${channel}`);
    await using producer = spawnCli(["produce", channel, "--url", relay.url]);
    await producer.write("one");
    assert.deepEqual(JSON.parse(await consumer.message()), { type: "token", content: "one" });
    producer.kill(name);
    const { texts: [error, done, ...more] } = await consumer.messages();
    const { type, code, signal: told } = JSON.parse(error);
    assert.deepEqual({ type, code, told }, { type: "error", code: "signal", told: signal });
    assert.deepEqual([JSON.parse(done).type, more], ["done", []]);
  });

  Deno.test(`${signal} to a consumer ends it quietly; what came is printed`, async () => {
    const args = [crypto.randomUUID(), "--url", relay.url];
    await using producer = spawnCli(["produce", ...args]);
    await using consumer = spawnCli(["consume", ...args]);
    await using collecting = spawnCli(["consume", ...args, "--json", "--collect", "--stats"]);
    await producer.write("one");
    await consumer.waitForStdout(/one/);
    await using late = spawnCli(["consume", ...args]);
    await late.waitForStdout(/one/);
    consumer.kill(name);
    assert.deepEqual(await consumer.finished, { code: exitCode, stdout: "one", stderr: "" });
    collecting.kill(name);
    const { code, stderr } = await collecting.finished;
    assert.equal(code, exitCode);
    assert.match(stderr, /^(time to first token .*|no token came)\n$/);
    // the producer and the other consumer have not noticed
    await producer.write(" two");
    await producer.closeStdin();
    assert.deepEqual(await late.finished, { code: 0, stdout: "one two", stderr: "" });
    assert.equal((await producer.finished).code, 0);
  });

  Deno.test(`${signal} ends a consumer whose stdout nobody reads`, async () => {
    const env = { RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() };
    await using shell = spawnShell(BLOCKED("consume </dev/null"), { env });
    const [, pid] = await shell.waitForStderr(/pid (\d+)\n/);
    const produced = await runCli(["produce"], { env, stdin: "text\n".repeat(40_000) });
    assert.equal(produced.code, 0);
    Deno.kill(Number(pid), name);
    await within(shell.waitForStderr(new RegExp(`code ${exitCode}\n`)), "it to end", AT_ONCE_MS);
  });

  Deno.test(`${signal} to a producer whose copy nobody reads is told to its consumers`, async () => {
    const env = { RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() };
    const input = `${"text ".repeat(20_000)}\n`;
    await using shell = spawnShell(BLOCKED(`produce --tee < <(yes '${input}')`), { env });
    const [, pid] = await shell.waitForStderr(/pid (\d+)\n/);
    await using consumer = spawnCli(["consume"], { env });
    await consumer.waitForStdout(/text/);
    Deno.kill(Number(pid), name);
    const { code, stderr } = await within(consumer.finished, "the news", AT_ONCE_MS);
    assert.equal(code, 1, stderr);
    await within(shell.waitForStderr(new RegExp(`code ${exitCode}\n`)), "it to end", AT_ONCE_MS);
  });

  for (const command of ["produce", "consume", "health"]) {
    Deno.test(`${signal} ends ${command} while it waits for a connection`, async () => {
      await using server = unansweringServer("never");
      const args = command === "health" ? [] : ["job-7"];
      await using process = spawnCli([command, ...args, "--url", server.url]);
      await server.connected;
      process.kill(name);
      const { code, stdout } = await within(process.finished, "it to end", AT_ONCE_MS);
      assert.deepEqual([code, stdout], [exitCode, ""]);
    });
  }

  Deno.test(`a second ${signal} ends a producer that waits for an answer to its goodbye`, async () => {
    await using server = unansweringServer("handshake");
    await using producer = spawnCli(["produce", "job-7", "--url", server.url]);
    await producer.write("one");
    await server.received(/"one"/);
    producer.kill(name);
    await server.received(/"error"/);
    producer.kill(name);
    const { code } = await within(producer.finished, "it to end", AT_ONCE_MS);
    assert.equal(code, exitCode);
  });

  Deno.test(`${signal} ends a demo`, async () => {
    await using demo = spawnCli(["demo", "--rate", "1"]);
    await demo.waitForStdout(/\S/);
    demo.kill(name);
    assert.equal((await within(demo.finished, "it to end", AT_ONCE_MS)).code, exitCode);
  });
}

Deno.test("a relay that is interrupted while nobody is connected exits with 0", async () => {
  for (const name of Object.keys(EXIT_CODES)) {
    await using own = spawnCli(["relay", "--port", "0"]);
    await own.waitForStderr(/listening/);
    own.kill(name as Deno.Signal);
    assert.equal((await own.finished).code, 0);
  }
});

Deno.test("a second signal ends a relay that waits for its clients to leave", async () => {
  await using own = spawnCli(["relay", "--port", "0"]);
  const [, port] = await own.waitForStderr(/ws:\/\/127\.0\.0\.1:(\d+)\n/);
  await using consumer = await RawSocket.webSocket(Number(port), "/consume/job-7");
  own.kill("SIGTERM");
  assert.equal((await consumer.messages()).close.code, 1001);
  own.kill("SIGTERM");
  assert.equal((await within(own.finished, "it to end", 3_000)).code, 143);
});
