/** SIGHUP, when a terminal goes away: who was started with `nohup` goes on. */

import assert from "node:assert/strict";
import { type CliOptions, runCli, spawnCli, spawnProcess } from "../helpers/cli.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const relay = sharedRelay();

/** What the first line of the program grants, which does not let it read all of /proc, and what tests grant. */
const GRANTS: Record<string, string[]> = {
  "what it asks for": ["net", "env", "read", "write", "run", "sys"].map((name) =>
    `--allow-${name}`
  ),
  everything: ["--allow-all"],
};

/** Starts a command as nohup(1) does. */
function spawnHeld(granted: string[], args: string[], options?: CliOptions) {
  const deno = [Deno.execPath(), "run", "--quiet", ...granted, MAIN];
  return spawnProcess("sh", ["-c", `trap '' HUP; exec "$@"`, "sh", ...deno, ...args], options);
}

for (const [what, granted] of Object.entries(GRANTS)) {
  Deno.test(`a relay under nohup outlives its terminal (granted ${what})`, async () => {
    await using held = spawnHeld(granted, ["relay", "--host", "127.0.0.1", "--port", "0"]);
    const [, url] = await held.waitForStderr(/listening on (\S+)\n/);
    held.kill("SIGHUP");
    assert.equal((await runCli(["health", "--url", url])).code, 0);
    held.kill("SIGTERM");
    assert.equal((await held.finished).code, 0);
  });
}

Deno.test("a command under nohup is neither told of the hangup nor killed after --grace", async () => {
  const env = { RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() };
  const script = "echo ready; read -r line; echo $line";
  const args = ["produce", "--grace", "0", "--", "sh", "-c", script];
  await using producer = spawnHeld(["--allow-all"], args, { env });
  await using consumer = spawnCli(["consume"], { env });
  await consumer.waitForStdout(/ready\n/);
  producer.kill("SIGHUP");
  assert.equal((await runCli(["health"], { env })).code, 0); // with `--grace 0` that is time enough
  await producer.write("goes on\n");
  assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(await consumer.finished, { code: 0, stdout: "ready\ngoes on\n", stderr: "" });
});

Deno.test("without nohup a hangup reaches the command, which ends as it likes", async () => {
  const env = { RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() };
  const script = "trap 'echo saved; exit 6' HUP; echo ready; while :; do sleep 0.05; done";
  const job = ["--", "env", "--default-signal", "sh", "-c", script];
  const args = [
    "--default-signal=HUP",
    Deno.execPath(),
    "run",
    "-q",
    "-A",
    MAIN,
    "produce",
    ...job,
  ];
  await using producer = spawnProcess("env", args, { env });
  await using consumer = spawnCli(["consume"], { env });
  await consumer.waitForStdout(/ready\n/);
  producer.kill("SIGHUP");
  assert.equal((await producer.finished).code, 6);
  assert.equal((await consumer.finished).stdout, "ready\nsaved\n");
});
