/** The one-file bundle does what the project does, with the permissions that its documentation names. */

import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { type CliProcess, spawnProcess } from "../helpers/cli.ts";
import { within } from "../helpers/within.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./shell.ts";

const PROJECT = new URL("../../", import.meta.url);
const TARGET = "dist/streamrelay.js";
const PERMISSIONS = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-sys",
  "--allow-ffi",
];

let directory: TemporaryDirectory;
let bundle: string;
Deno.test.beforeAll(async () => {
  directory = temporaryDirectory();
  bundle = directory.file("streamrelay.js");
  // the task, but for where it writes
  const [deno, ...args] = config.tasks.bundle.split(" ");
  assert.equal(deno, "deno");
  assert.ok(args.includes(TARGET));
  const paths = args.map((arg) => arg === TARGET ? bundle : arg);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: paths,
    cwd: PROJECT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
Deno.test.afterAll(() => directory[Symbol.dispose]());

/** Starts a command of the bundle, which asks for no permission that it lacks. */
function start(args: string[], env: Record<string, string> = {}): CliProcess {
  return spawnProcess(
    Deno.execPath(),
    ["run", "--quiet", "--no-config", "--no-prompt", ...PERMISSIONS, bundle, ...args],
    { env },
  );
}

Deno.test("the bundle makes keys", async () => {
  await using keygen = start(["keygen", "--out", directory.file("key")]);
  assert.equal((await keygen.finished).code, 0);
  assert.match(Deno.readTextFileSync(directory.file("key")), /^[A-Za-z0-9+/]{43}=\n$/);
});

Deno.test("the bundle relays, produces, consumes and checks, encrypted and with a secret", async () => {
  const env = {
    RELAY_SECRET: "s3cret",
    RELAY_ENCRYPTION_KEY: "ab".repeat(32),
    CHANNEL_ID: "job-7",
  };
  await using relay = start(["relay", "--port", "0", "--host", "127.0.0.1"], env);
  const [url] = await relay.waitForStdout(/^ws:\S+/);
  await using consumer = start(["consume", "--stats"], { ...env, RELAY_URL: url });
  await using producer = start(["produce", "--tee"], { ...env, RELAY_URL: url });
  await producer.write("Hello, ");
  await consumer.waitForStdout(/^Hello, $/);
  await producer.write("wörld\n");
  await producer.closeStdin();
  assert.deepEqual(await producer.finished, { code: 0, stdout: "Hello, wörld\n", stderr: "" });
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stdout], [0, "Hello, wörld\n"]);
  assert.match(stderr, /^time to first token .*\n$/);
  await using health = start(["health"], { RELAY_URL: url });
  assert.match((await health.finished).stdout, /^healthy: 1 active channel/);
  relay.kill("SIGTERM");
  assert.equal((await within(relay.finished, "the relay to stop")).code, 0);
});

Deno.test("the bundle runs a command", async () => {
  await using relay = start(["relay", "--port", "0", "--host", "127.0.0.1"]);
  const [url] = await relay.waitForStdout(/^ws:\S+/);
  const env = { CHANNEL_ID: "job-7", RELAY_URL: url };
  await using consumer = start(["consume"], env);
  await using producer = start(["produce", "--", "sh", "-c", "echo text; exit 3"], env);
  assert.equal((await producer.finished).code, 3);
  const { code, stdout } = await consumer.finished;
  assert.deepEqual([code, stdout], [1, "text\n"]);
});

Deno.test("the bundle has help, completions, a version and the demo", async () => {
  const outputs = await Promise.all(
    [["--help"], ["completions", "bash"], ["complete", "--", "re"], ["--version"], [
      "demo",
      "--rate",
      "1000",
    ]]
      .map(async (args) => {
        await using process = start(args);
        const { code, stdout, stderr } = await process.finished;
        assert.equal(code, 0, stderr);
        return stdout;
      }),
  );
  for (const output of outputs) assert.notEqual(output, "");
  assert.equal(outputs[3], `${config.version}\n`);
});
