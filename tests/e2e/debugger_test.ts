/** Deno opens a debugger at SIGUSR1, to everybody on the machine. It does not stay open. */

import assert from "node:assert/strict";
import { spawnCli, spawnProcess } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { until } from "../helpers/within.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const OPENED = /ws:\/\/127\.0\.0\.1:(\d+)\/([\w-]{36})/;

/** Whether the debugger with this id listens. */
async function isOpen(port: string, id: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/json`);
    return (await answer.text()).includes(id);
  } catch {
    return false;
  }
}

Deno.test("the debugger that SIGUSR1 opens is closed again, and the stream goes on", async () => {
  await using relay = await startRelayProcess();
  const options = { env: { RELAY_URL: relay.url } };
  // with --quiet, as tests run it otherwise, Deno does not tell that it has opened it
  const args = ["run", "-A", MAIN, "produce", "job-7"];
  await using producer = spawnProcess(Deno.execPath(), args, options);
  await using consumer = spawnCli(["consume", "job-7"], options);
  await producer.write("one\n");
  await consumer.waitForStdout(/one\n/);
  // one that is closed very soon is not told of
  await until(() => {
    producer.kill("SIGUSR1");
    return OPENED.test(producer.stderr());
  }, "the debugger to open");
  const [, port, id] = OPENED.exec(producer.stderr())!;
  await until(async () => !await isOpen(port, id), "the debugger to close");
  await producer.write("two\n");
  await producer.closeStdin();
  assert.equal((await producer.finished).code, 0);
  assert.deepEqual(await consumer.finished, { code: 0, stdout: "one\ntwo\n", stderr: "" });
});
