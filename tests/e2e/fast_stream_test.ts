/** Streams that are faster than their readers, whose connections and relays are lost: nothing is forgotten that somebody comes back for. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type CliOptions, type CliProcess, runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { until } from "../helpers/within.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const WORD =
  "a line of a text that is made faster than it is read, and that fills what the relay keeps";
const LINES = Array.from({ length: 200_000 }, (_, i) => `${i} ${WORD}\n`);
const TEXT = LINES.join(""); // 19 MB

/** Writes the text once the consumer reads: what is made before that, the relay need not keep. */
async function write(producer: CliProcess, consumer: CliProcess): Promise<void> {
  await producer.write(LINES[0]);
  await consumer.waitForStdout(/^0 /);
  await producer.write(LINES.slice(1).join(""));
  await producer.closeStdin();
}

/** Both sides end well, and the reader has all of it. */
async function assertWhole(producer: CliProcess, consumer: CliProcess): Promise<void> {
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.ok(stdout === TEXT);
  assert.equal((await producer.finished).code, 0);
}

Deno.test("a relay that is killed under a fast stream is filled again no faster than its reader comes back", async () => {
  await using first = await startRelayProcess();
  await using second = await startRelayProcess();
  const target = { hostname: "127.0.0.1", port: first.port };
  await using up = await startFaultProxy({ target });
  await using down = await startFaultProxy({ target });
  await using consumer = spawnCli(["consume", "job-7"], { env: { RELAY_URL: down.url } });
  await using producer = spawnCli(["produce", "job-7"], { env: { RELAY_URL: up.url } });
  const written = write(producer, consumer);
  await consumer.waitForStdout(/\n20000 /);
  down.refuse(); // the reader comes back later than the producer
  up.retarget(second.port);
  down.retarget(second.port);
  await first.stop("SIGKILL");
  await producer.waitForStderr(/The relay is there/);
  await up.connections.at(-1)!.untilPassed(2_000_000, "up");
  down.allow();
  await written;
  await assertWhole(producer, consumer);
});

Deno.test("a reader of a fast stream that is cut off, and comes back a little later, misses nothing", async () => {
  await using relay = await startRelayProcess();
  await using down = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  await using up = await startFaultProxy({ target: { hostname: "127.0.0.1", port: relay.port } });
  await using consumer = spawnCli(["consume", "job-7"], { env: { RELAY_URL: down.url } });
  await using producer = spawnCli(["produce", "job-7"], { env: { RELAY_URL: up.url } });
  const written = write(producer, consumer);
  await consumer.waitForStdout(/\n20000 /);
  down.refuse();
  down.cut();
  await up.connections[0].untilPassed(up.passed.up + 1_000_000, "up");
  down.allow();
  await written;
  await assertWhole(producer, consumer);
});

Deno.test("a connection that is lost while the replay buffer is full drops nothing", async () => {
  await using relay = await startRelayProcess();
  await using up = await startFaultProxy({ target: { hostname: "127.0.0.1", port: relay.port } });
  await using down = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  down.throttle(4_000_000);
  await using consumer = spawnCli(["consume", "job-7"], { env: { RELAY_URL: down.url } });
  const options: CliOptions = { env: { RELAY_URL: up.url } };
  await using producer = spawnCli(["produce", "job-7", "--replay-buffer", "1MiB"], options);
  const written = write(producer, consumer);
  await consumer.waitForStdout(/\n20000 /);
  up.cut();
  down.throttle(Infinity);
  await written;
  await assertWhole(producer, consumer);
});

Deno.test("a relay that keeps few messages of a channel carries a fast stream to who keeps up", async () => {
  await using relay = await startRelayProcess(["--max-buffer", "1000"]);
  const options: CliOptions = { env: { RELAY_URL: relay.url } };
  await using consumer = spawnCli(["consume", "job-7", "--from", "start"], options);
  await using producer = spawnCli(["produce", "job-7"], options);
  await producer.write("first\n");
  await consumer.waitForStdout(/first\n/);
  const text = Array.from({ length: 50_000 }, (_, i) => `${i}\n`).join("");
  await producer.write(text);
  await producer.closeStdin();
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.ok(stdout === `first\n${text}`);
});

Deno.test("what stdout has not taken is printed by the next run with the position file", async () => {
  await using relay = await startRelayProcess();
  const file = await Deno.makeTempFile();
  await Deno.remove(file);
  const options: CliOptions = { env: { RELAY_URL: relay.url } };
  const text = Array.from({ length: 90_000 }, (_, i) => `${i}\n`).join("");
  await runCli(["produce", "job-7"], { ...options, stdin: text });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "consume", "job-7", "--position-file", file],
    env: { RELAY_URL: relay.url },
    stdout: "piped",
    stderr: "null",
  }).spawn(); // its stdout is not read, and soon takes no more
  await until(() => existsSync(file), "the first position");
  child.kill("SIGTERM");
  await child.status;
  const printed = await new Response(child.stdout).text();
  const rest = await runCli(["consume", "job-7", "--position-file", file], options);
  assert.equal(rest.code, 0);
  assert.ok(printed.length > 0 && printed.length < text.length);
  const from = text.indexOf(rest.stdout);
  assert.ok(from >= 0 && text.endsWith(rest.stdout), "the rest is the end of the text");
  assert.ok(from <= printed.length, `${printed.length - from} bytes are missing`);
  assert.ok(printed.length - from < 64 * 1024, `${printed.length - from} bytes came twice`);
  await Deno.remove(file);
});
