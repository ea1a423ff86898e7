/** Clients in Python and our own, on one relay, in every pairing; all of them real processes. */

import assert from "node:assert/strict";
import { type CliResult, runCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { pythonTest, resultOf, runPython, spawnPython } from "./python_process.ts";

const SECRET = "s3cret&more/+?";
/** Characters of one to four bytes, quotes, escapes, all kinds of white space. */
const TEXT = 'Grüße, 世界 🌍🏽!\n"quoted"\\ \t{"type": "done"}\r\n  end';
const KEYS = {
  "no key": undefined,
  "a hexadecimal key": "00112233445566778899aabbccddeeff".repeat(2),
  "a base64 key": "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA",
};

interface Settings {
  url: string;
  channel?: string;
  secret?: string;
  key?: string;
}

/** Options of the Python client. */
function python({ url, channel = "c", secret, key }: Settings, ...more: string[]): string[] {
  const options = { "--url": url, "--channel": channel, "--secret": secret, "--key": key };
  return [
    ...Object.entries(options).flatMap(([name, value]) => value ? [name, value] : []),
    ...more,
  ];
}

/** Runs our own client with the same settings, through its environment. */
function ours(command: string[], settings: Settings, stdin = ""): Promise<CliResult> {
  const { url, channel = "c", secret = "", key = "" } = settings;
  const env: Record<string, string> = { RELAY_URL: url, CHANNEL_ID: channel };
  if (secret !== "") env.RELAY_SECRET = secret;
  if (key !== "") env.RELAY_ENCRYPTION_KEY = key;
  return runCli(command, { env, stdin, timeoutMs: 30_000 });
}

function assertPrinted({ code, stdout, stderr }: CliResult, exitCode: number, text: string): void {
  assert.equal(code, exitCode, `exit code ${code}: ${stderr}`);
  assert.equal(stdout, text);
}

for (const auth of ["query", "message", "header"]) {
  for (const [keyName, key] of Object.entries(KEYS)) {
    const how = `credential by ${auth}, ${keyName}`;
    const by = ["--auth", auth];

    pythonTest(`Python producer → streamrelay consume and Python consumer (${how})`, async () => {
      await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
      const settings = { url: relay.url, secret: SECRET, key };
      const [producer, mine, theirs] = await Promise.all([
        runPython(["produce", ...python(settings, ...by, "--text", TEXT)]),
        ours(["consume"], settings),
        runPython(["consume", ...python(settings, ...by)]),
      ]);
      assert.equal(producer.code, 0, producer.stderr);
      assertPrinted(mine, 0, TEXT);
      assert.equal(theirs.text, TEXT);
      assert.equal(theirs.last?.event, "done");
      assert.equal(theirs.code, 0, theirs.stderr);
    });

    pythonTest(`streamrelay produce → Python consumer (${how})`, async () => {
      await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
      const settings = { url: relay.url, secret: SECRET, key };
      const [mine, theirs] = await Promise.all([
        ours(["produce"], settings, TEXT),
        runPython(["consume", ...python(settings, ...by)]),
      ]);
      assertPrinted(mine, 0, "");
      assert.equal(theirs.text, TEXT);
      assert.equal(theirs.last?.event, "done");
      assert.equal(theirs.code, 0, theirs.stderr);
    });
  }

  for (const mode of ["consume", "produce"]) {
    pythonTest(`Python ${mode}r with a wrong secret is closed 4003 (by ${auth})`, async () => {
      await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
      const settings = { url: relay.url, secret: "wrong" };
      const result = await runPython([mode, ...python(settings, "--auth", auth, "--hold")]);
      assert.equal(result.last?.event, "close", result.stderr);
      assert.equal(result.last?.code, 4003);
    });
  }
}

pythonTest("Python producer without a secret is closed 4003 at its first token", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const result = await runPython(["produce", ...python({ url: relay.url }, "--hold")]);
  assert.equal(result.last?.code, 4003, result.stderr);
});

for (const [keyName, key] of Object.entries(KEYS)) {
  pythonTest(
    `consumers that come after the producer has finished get it all (${keyName})`,
    async () => {
      await using relay = await startRelayProcess();
      const settings = { url: relay.url, key };
      const producer = await runPython(["produce", ...python(settings, "--tokens", "50")]);
      assert.equal(producer.code, 0, producer.stderr);
      const [mine, theirs] = await Promise.all([
        ours(["consume"], settings),
        runPython(["consume", ...python(settings)]),
      ]);
      const text = Array.from({ length: 50 }, (_, i) => `token ${i}\n`).join("");
      assertPrinted(mine, 0, text);
      assert.equal(theirs.text, text);
      const done = { event: "done", usage: { completion_tokens: 50 } };
      assert.deepEqual([theirs.events.slice(51), theirs.stderr], [[done], ""]);
    },
  );

  pythonTest(`a Python producer that is killed is lost to its consumers (${keyName})`, async () => {
    await using relay = await startRelayProcess();
    const settings = { url: relay.url, key };
    await using producer = spawnPython(["produce", ...python(settings, "--text", TEXT, "--hold")]);
    await using consumer = spawnPython(["consume", ...python(settings)]);
    const mine = ours(["consume"], settings);
    await producer.waitForStdout(/"sent"/);
    await consumer.waitForStdout(/end/);
    producer.kill("SIGKILL");
    const theirs = await resultOf(consumer);
    assert.equal(theirs.text, TEXT);
    assert.equal(theirs.last?.event, "error");
    assert.equal(theirs.last?.code, "lost");
    assert.equal(theirs.code, 1);
    assert.equal((await mine).code, 5, (await mine).stderr);
  });

  pythonTest(`a Python producer's error reaches every consumer (${keyName})`, async () => {
    await using relay = await startRelayProcess();
    const settings = { url: relay.url, key };
    const [, mine, theirs] = await Promise.all([
      runPython(["produce", ...python(settings, "--text", TEXT, "--error", "no GPU left")]),
      ours(["consume"], settings),
      runPython(["consume", ...python(settings)]),
    ]);
    assertPrinted(mine, 1, TEXT);
    assert.match(mine.stderr, /no GPU left/);
    assert.equal(theirs.text, TEXT);
    assert.deepEqual(theirs.last, { event: "error", message: "no GPU left" });
    assert.equal(theirs.code, 1);
  });
}

pythonTest(
  "with a key, streamrelay consume refuses plain tokens and those of another key",
  async () => {
    await using relay = await startRelayProcess();
    const key = KEYS["a hexadecimal key"];
    for (
      const [channel, other] of [["plain", undefined], ["other", KEYS["a base64 key"]]] as const
    ) {
      const settings = { url: relay.url, channel };
      await runPython(["produce", ...python({ ...settings, key: other })]);
      assertPrinted(await ours(["consume"], { ...settings, key }), 6, "");
    }
  },
);

pythonTest("six Python consumers, one of them late, all get a live stream whole", async () => {
  await using relay = await startRelayProcess();
  const consumer = ["consume", ...python({ url: relay.url })];
  const early = Array.from({ length: 5 }, () => runPython(consumer));
  await using producer = spawnPython([
    "produce",
    ...python({ url: relay.url }, "--tokens", "200", "--pace", "5"),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const results = await Promise.all([...early, runPython(consumer)]);
  assert.equal((await producer.finished).code, 0);
  const text = Array.from({ length: 200 }, (_, i) => `token ${i}\n`).join("");
  for (const result of results) {
    assert.equal(result.text, text);
    assert.equal(result.last?.event, "done");
  }
});

pythonTest("a burst of 20,000 tokens from Python arrives whole and in order", async () => {
  await using relay = await startRelayProcess();
  const settings = { url: relay.url };
  const [producer, mine, theirs] = await Promise.all([
    runPython(["produce", ...python(settings, "--tokens", "20000")]),
    ours(["consume"], settings),
    runPython(["consume", ...python(settings)]),
  ]);
  const text = Array.from({ length: 20_000 }, (_, i) => `token ${i}\n`).join("");
  assert.equal(producer.code, 0, producer.stderr);
  assertPrinted(mine, 0, text);
  assert.equal(theirs.text, text);
});

pythonTest("consume --json prints what Python sent, one message a line", async () => {
  await using relay = await startRelayProcess();
  const settings = { url: relay.url };
  const [, mine] = await Promise.all([
    runPython(["produce", ...python(settings, "--tokens", "2")]),
    ours(["consume", "--json"], settings),
  ]);
  assert.equal(mine.code, 0, mine.stderr);
  assert.deepEqual(mine.stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { type: "token", content: "token 0\n" },
    { type: "token", content: "token 1\n" },
    { type: "done", usage: { completion_tokens: 2 } },
  ]);
});

pythonTest("a second Python producer on the same channel is closed 4001", async () => {
  await using relay = await startRelayProcess();
  const producer = ["produce", ...python({ url: relay.url }, "--hold")];
  await using first = spawnPython(producer);
  await first.waitForStdout(/"sent"/);
  const second = await runPython(producer);
  assert.equal(second.last?.event, "close", second.stderr);
  assert.equal(second.last?.code, 4001);
});

pythonTest("the relay waits for a Python consumer's own goodbye before it hangs up", async () => {
  await using relay = await startRelayProcess();
  const settings = { url: relay.url };
  // more than the library reads ahead, so that it sees the end of the connection before the close frame
  await runPython(["produce", ...python(settings, "--tokens", "100")]);
  const consumer = ["consume", ...python(settings, "--until-close")];
  for (const result of [await runPython(consumer), await runPython(consumer)]) {
    assert.equal(result.code, 0, "no close frame could be sent");
    assert.deepEqual(result.last, { event: "close", code: 1000, reason: "done" });
  }
});

pythonTest("Python reads /health over a WebSocket, without a secret", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const { events: [{ health }, close], stderr } = await runPython(["health", "--url", relay.url]);
  assert.ok(health !== null && typeof health === "object", stderr);
  const { status, active_channels, timestamp } = health as Record<string, unknown>;
  assert.equal(status, "healthy");
  assert.equal(active_channels, 0);
  assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 60_000);
  assert.equal(close?.code, 1000);
});
