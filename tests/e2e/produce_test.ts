/** `streamrelay produce`: what it copies, sends and says, and where its channel's name comes from. */

import assert from "node:assert/strict";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { within } from "../helpers/within.ts";
import { activeChannels } from "../helpers/relay_state.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { runShell, spawnShell, temporaryDirectory } from "./shell.ts";

const relay = sharedRelay(["--retain", "60"]);
const SUCCESS = { code: 0, stdout: "", stderr: "" };

/** What a consumer of `channel` prints. */
async function consumed(channel: string, ...args: string[]): Promise<string> {
  const result = await runCli(["consume", channel, "--url", relay.url, ...args]);
  assert.deepEqual({ ...result, stdout: "" }, SUCCESS);
  return result.stdout;
}

Deno.test("--tee copies stdin to stdout as it is, bytes that are no text included", async () => {
  using directory = temporaryDirectory();
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 % 256);
  directory.file("in", bytes);
  const { code } = await runShell(`cd ${directory.path} && streamrelay produce --tee <in >out`, {
    env: { RELAY_URL: relay.url },
  });
  assert.equal(code, 0);
  assert.deepEqual(Deno.readFileSync(directory.file("out")), bytes);
});

Deno.test("--tee copies at once, not at the end", async () => {
  await using producer = spawnCli(["produce", "--tee", "--url", relay.url]);
  await producer.write("first");
  await producer.waitForStdout(/^first$/);
  await producer.write(" second");
  await producer.waitForStdout(/^first second$/);
  await producer.closeStdin();
  assert.equal((await producer.finished).code, 0);
});

Deno.test("without --tee nothing is printed to stdout", async () => {
  const channel = crypto.randomUUID();
  const result = await runCli(["produce", channel, "--url", relay.url], { stdin: "text\n" });
  assert.deepEqual(result, SUCCESS);
});

Deno.test("when nobody reads what --tee copies, the stream is sent to its end all the same", async () => {
  using directory = temporaryDirectory();
  const channel = crypto.randomUUID();
  const text = "a line of text\n".repeat(50_000);
  directory.file("in", text);
  const script = `cd ${directory.path}
    { streamrelay produce ${channel} --tee <in; echo "code $?" >&2; } | head -c 6`;
  const result = await runShell(script, { env: { RELAY_URL: relay.url } });
  assert.deepEqual(result, { code: 0, stdout: "a line", stderr: "code 0\n" });
  assert.ok(await consumed(channel) === text);
});

Deno.test("when --tee cannot copy (a full disk), the stream is sent to its end, and the exit code is 5", async () => {
  const channel = crypto.randomUUID();
  const env = { RELAY_URL: relay.url };
  const script = `seq 50000 | streamrelay produce ${channel} --tee >/dev/full`;
  const { code, stderr } = await runShell(script, { env });
  assert.equal(code, 5, stderr);
  assert.match(stderr, /^streamrelay: Cannot write to stdout: No space left.*\n$/);
  assert.match(await consumed(channel), /\n49999\n50000\n$/);
});

Deno.test("when nothing can be said on stderr, the stream is sent all the same", async () => {
  const channel = crypto.randomUUID();
  const env = { RELAY_URL: relay.url };
  const script = `printf '\\377 text' | streamrelay produce ${channel} 2>/dev/full`;
  assert.deepEqual(await runShell(script, { env }), SUCCESS);
  assert.equal(await consumed(channel), "\ufffd text");
});

Deno.test("--usage goes into the last message", async () => {
  const channel = crypto.randomUUID();
  const usage = { completion_tokens: 50, model: "llama" };
  const args = ["produce", channel, "--url", relay.url, "--usage", JSON.stringify(usage)];
  assert.deepEqual(await runCli(args, { stdin: "text" }), SUCCESS);
  const lines = (await consumed(channel, "--json")).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    { type: "token", content: "text" },
    { type: "done", usage },
  ]);
});

for (const usage of ["", "{", "[1]", "null", "50", '"text"']) {
  Deno.test(`--usage '${usage}' is refused before anything is sent`, async () => {
    const args = ["produce", "--url", relay.url, "--tee", "--usage", usage];
    const result = await runCli(args, { stdin: "text" });
    assert.deepEqual({ ...result, stderr: "" }, { ...SUCCESS, code: 2 });
    assert.match(result.stderr, /^streamrelay: Cannot use --usage: .*\n$/);
  });
}

/** Three ways to name the channel, the first of which wins over the others. */
const NAMES: Record<string, [args: string[], env: Record<string, string>, channel: string]> = {
  "the argument": [["one", "--channel", "two"], { CHANNEL_ID: "three" }, "one"],
  "--channel": [["--channel", "two"], { CHANNEL_ID: "three" }, "two"],
  "-c": [["-c", "two-short"], { CHANNEL_ID: "three" }, "two-short"],
  "CHANNEL_ID": [[], { CHANNEL_ID: "three" }, "three"],
};

for (const [what, [args, env, channel]] of Object.entries(NAMES)) {
  Deno.test(`the channel is named by ${what}, for both sides`, async () => {
    const options = { env: { ...env, RELAY_URL: relay.url } };
    assert.deepEqual(await runCli(["produce", ...args], { ...options, stdin: what }), SUCCESS);
    assert.deepEqual(await runCli(["consume", ...args], options), { ...SUCCESS, stdout: what });
    assert.equal(await consumed(channel), what);
  });
}

const MADE_UP = /^(streamrelay consume [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} --url .*)\n/;
const KEY = "A".repeat(43) + "=";

/** Settings of both sides, under which the command that `produce` prints must work. */
const SETTINGS: Record<string, Record<string, string>> = {
  "nothing else is set": {},
  "CHANNEL_ID is empty": { CHANNEL_ID: "" },
  "there is a key": { RELAY_ENCRYPTION_KEY: KEY },
};

for (const [when, env] of Object.entries(SETTINGS)) {
  Deno.test(`without a channel one is made up, and the command it prints works when pasted: ${when}`, async () => {
    const options = { env: { ...env, RELAY_URL: relay.url } };
    await using producer = spawnCli(["produce"], options);
    const [, command] = await producer.waitForStderr(MADE_UP);
    await using consumer = spawnShell(command, { env });
    await producer.write("for you");
    await consumer.waitForStdout(/^for you$/);
    await producer.closeStdin();
    assert.equal((await consumer.finished).code, 0);
    assert.equal((await producer.finished).code, 0);
  });
}

Deno.test("the printed command has the URL quoted as a shell needs it", async () => {
  // nothing there: what counts is what the shell makes of it
  const url = "http://me:hidden@127.0.0.1:1/it's/$(echo%20no)/;exit/?secret=hidden";
  const { stderr } = await runCli(["produce", "--url", url, "--give-up", "0"]);
  const [, command] = MADE_UP.exec(stderr)!;
  const { stdout } = await runShell(command.replace("streamrelay", "printf '%s\\n'"));
  assert.deepEqual(stdout.split("\n").slice(2), [
    "--url",
    "ws://127.0.0.1:1/it's/$(echo%20no)/;exit",
    "",
  ]);
  assert.ok(!stderr.includes("hidden"), stderr);
});

Deno.test("every made-up channel is another one", async () => {
  const run = () => runCli(["produce", "--url", relay.url]);
  const outputs = (await Promise.all([run(), run()])).map(({ stderr }) => stderr);
  for (const stderr of outputs) assert.match(stderr, MADE_UP);
  assert.notEqual(outputs[0], outputs[1]);
});

for (const channel of ["a/b", "..", "ä", "x".repeat(129), "a b"]) {
  for (const command of ["produce", "consume"]) {
    Deno.test(`${command} refuses the channel '${channel.slice(0, 9)}' in one line, before it reads stdin`, async () => {
      await using process = spawnCli([command, channel, "--url", relay.url]);
      const result = await within(process.finished, "the command to end with stdin open");
      assert.deepEqual({ ...result, stderr: "" }, { ...SUCCESS, code: 2 });
      assert.match(result.stderr, /^streamrelay: bad channel id.*\n$/);
    });
  }
}

Deno.test("a second producer says so, copies stdin to its end, and exits with 4", async () => {
  const channel = crypto.randomUUID();
  const args = ["produce", channel, "--url", relay.url];
  const before = await activeChannels(relay.port);
  await using first = spawnCli(args);
  await first.write("first");
  await using consumer = spawnCli(["consume", channel, "--url", relay.url]);
  await consumer.waitForStdout(/first/);
  assert.equal(await activeChannels(relay.port), before + 1);
  const text = "second\n".repeat(50_000);
  const second = await runCli([...args, "--tee", "--give-up", "0"], { stdin: text });
  assert.equal(second.code, 4);
  assert.ok(second.stdout === text);
  assert.match(second.stderr, /a producer is already connected to this channel/);
  await first.closeStdin();
  assert.deepEqual(await first.finished, SUCCESS);
  assert.deepEqual(await consumer.finished, { ...SUCCESS, stdout: "first" });
});
