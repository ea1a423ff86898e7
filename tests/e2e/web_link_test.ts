/** Links to the browser page, as `consume --web` and `produce` print them. */

import assert from "node:assert/strict";
import { generateKey } from "../../src/mod.ts";
import { Access } from "../../src/relay/access.ts";
import { mintToken } from "../../src/relay/token.ts";
import { runCli, spawnCli, spawnProcess } from "../helpers/cli.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const relay = sharedRelay();
const SECRET = "s3cret-of-the-relay";
const KEY = generateKey();
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** What `consume --web` prints, which connects to nobody. */
async function link(...args: string[]): Promise<URL> {
  const command = ["consume", "job-7", "--web", "--url", "wss://relay.example.org/r", ...args];
  const { code, stdout, stderr } = await runCli(command);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^\S+\n$/);
  return new URL(stdout);
}

Deno.test("consume --web prints the link of the page", async () => {
  assert.equal((await link()).href, "https://relay.example.org/r/view/job-7");
});

Deno.test("with a key and the secret the link has the key and a token to consume, in its fragment", async () => {
  const url = await link("--secret", SECRET, "--encryption-key", KEY);
  assert.equal(url.search, "");
  assert.doesNotMatch(url.href, new RegExp(SECRET));
  const fragment = new URLSearchParams(url.hash.slice(1));
  assert.ok(fragment.get("key"));
  const access = new Access([SECRET]);
  const token = fragment.get("token")!;
  const grant = await access.admit(token, { role: "consume", channel: "job-7" });
  assert.equal(grant.master, false);
  assert.equal(grant.may("produce"), false);
  await assert.rejects(async () =>
    await access.admit(token, { role: "consume", channel: "job-8" })
  );
});

Deno.test("a token that was given is the one in the link", async () => {
  const token = await mintToken(SECRET, { channel: "job-7", roles: ["consume"], ttlMs: 60_000 });
  const url = await link("--token", token);
  assert.equal(new URLSearchParams(url.hash.slice(1)).get("token"), token);
});

Deno.test("a bad channel or key is wrong usage, and no link", async () => {
  for (const args of [["a/b"], ["a", "--encryption-key", "short"]]) {
    const { code, stdout } = await runCli(["consume", "--web", ...args]);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
  }
});

Deno.test("produce prints the link with its consume command; in a log without key and token", async () => {
  await using process = spawnCli(["produce", "--url", relay.url, "--encryption-key", KEY]);
  const [, id] = await process.waitForStderr(/streamrelay consume (\S+) /);
  const [, shown] = await process.waitForStderr(/in a browser: (\S+) \(asks for the key; .*\)\n/);
  assert.equal(shown, `${relay.url.replace("ws", "http")}/view/${id}`);
  await process.closeStdin();
  assert.equal((await process.finished).code, 0);
  assert.doesNotMatch(process.stderr(), new RegExp(KEY));
});

/** `produce` on a terminal, with nothing on stdin; all that it says. */
async function onTerminal(...args: string[]): Promise<string> {
  const command = `'${Deno.execPath()}' run -A '${MAIN}' produce ${args.join(" ")}`;
  await using terminal = spawnProcess(
    "script",
    ["-qec", `${command} --url ${relay.url} < /dev/null`, "/dev/null"],
    { env: { RELAY_ENCRYPTION_KEY: KEY } },
  );
  const { code, stdout } = await terminal.finished;
  assert.equal(code, 0, stdout);
  return stdout;
}

Deno.test("on a terminal the link of produce has the key, be the channel named or not", async () => {
  assert.match(await onTerminal(), /^or in a browser: http:\S+\/view\/\S+#key=\S+$/m);
  assert.match(await onTerminal("job-7"), /^in a browser: http:\S+\/view\/job-7#key=\S+\r?\n$/);
  assert.equal(await onTerminal("job-7", "--quiet"), "");
});

Deno.test("in a scheduler's job produce prints the link of a named channel without the key", async () => {
  const env = { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: KEY, SLURM_JOB_ID: "4711" };
  const page = `${relay.url.replace("ws", "http")}/view/job-7`;
  assert.deepEqual(await runCli(["produce", "job-7"], { env }), {
    code: 0,
    stdout: "",
    stderr:
      `in a browser: ${page} (asks for the key; streamrelay consume job-7 --web prints a link that has them)\n`,
  });
  const quiet = await runCli(["produce", "job-7", "-q"], { env });
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
});
