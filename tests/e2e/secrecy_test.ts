/** No secret, key or token appears where it does not belong: in what any command prints or logs. */

import assert from "node:assert/strict";
import { RawSocket } from "../helpers/raw_socket.ts";
import { type CliResult, runCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { temporaryDirectory } from "./shell.ts";

const SECRET = "canary-secret-7c1d";
const WRONG_SECRET = "canary-wrong-secret-93fa";
const KEY = "ca9a41".repeat(11).slice(0, 64);
const BAD_KEY = `${KEY}canary-bad-key`;
const TOKEN = "canary-token-51e0";
const CHANNEL = "a-channel-whose-name-lets-everyone-in";

/** Everything that must not be seen, in every form it could be seen in. */
const CANARIES = [
  /canary-(wrong-)?secret/,
  /canary-token/,
  /canary-bad-key/,
  new RegExp(KEY, "i"),
  new RegExp(Uint8Array.fromHex(KEY).toBase64().slice(0, -2).replaceAll("+", "\\+")),
  new RegExp(btoa(SECRET).slice(0, -2)),
  new RegExp(CHANNEL),
];

function assertNothingIn(text: string, what: string): void {
  for (const canary of CANARIES) assert.doesNotMatch(text, canary, what);
}

Deno.test("a relay's log, at its most talkative, holds no secret, no content and no whole channel name", async () => {
  await using relay = await startRelayProcess(
    ["--log-level", "debug", "--max-buffer", "1"],
    { RELAY_SECRET: SECRET },
  );
  const connect = (path: string, headers = {}) => RawSocket.webSocket(relay.port, path, headers);
  const right = { Authorization: `Bearer ${SECRET}` };
  const token = JSON.stringify({ type: "token", content: TOKEN });

  // as it should be, in the three ways
  await using consumer = await connect(`/consume/${CHANNEL}?secret=${SECRET}`);
  await using producer = await connect(`/produce/${CHANNEL}`);
  await producer.send(JSON.stringify({ type: "auth", secret: SECRET }), token);
  assert.equal(await consumer.message(), token);

  // as it should not be: wrong secrets, a second producer, bad paths, bad frames
  await using second = await connect(`/produce/${CHANNEL}`, right);
  assert.equal((await second.closed()).code, 4001);
  for (const path of [`/produce/${CHANNEL}`, `/consume/${CHANNEL}`]) {
    await using header = await connect(path, { Authorization: `Bearer ${WRONG_SECRET}` });
    await using query = await connect(`${path}?secret=${WRONG_SECRET}`);
    await using message = await connect(path);
    await message.send(JSON.stringify({ type: "auth", secret: WRONG_SECRET }));
    await using none = await connect(path);
    await none.send(token);
    for (const socket of [header, query, message, none]) {
      assert.equal((await socket.closed()).code, 4003);
    }
  }
  await using badPath = await connect(`/${CHANNEL}?secret=${SECRET}`, right);
  await using badChannel = await connect(`/produce/${CHANNEL}%20?secret=${SECRET}`, right);
  for (const socket of [badPath, badChannel]) assert.equal((await socket.closed()).code, 4000);
  await producer.send(token, '{"type":"done"}');
  await consumer.messages();
  await producer.send(token);
  assert.equal((await producer.closed()).code, 4002);
  consumer.close();
  assert.equal(await relay.stop(), 0);

  const log = relay.stderr();
  assert.match(log, /4001/); // it is as talkative as it gets
  assertNothingIn(log, "the relay's log");
});

/** Ways to call a command that go wrong, or right, with secrets in every place that takes one. */
const CALLS: [string[], Record<string, string>][] = [
  [["--log-level", "debug"], { RELAY_SECRET: SECRET, RELAY_ENCRYPTION_KEY: KEY }],
  [["--log-level", "debug"], { RELAY_SECRET: WRONG_SECRET, RELAY_ENCRYPTION_KEY: KEY }],
  [["--secret", WRONG_SECRET, "--encryption-key", KEY, "--log-level", "debug"], {}],
  [["--log-level", "debug"], { RELAY_SECRET: SECRET, RELAY_ENCRYPTION_KEY: BAD_KEY }],
  [["--encryption-key", BAD_KEY], { RELAY_SECRET: SECRET }],
  [["--encryption-key", KEY, "--key-file", "/dev/null"], { RELAY_SECRET: SECRET }],
  [["--secret", SECRET, "--secret-file", "/dev/null"], {}],
  [["--secret", SECRET, "--encryption-key", KEY, "--nope"], {}],
  [["--help"], { RELAY_SECRET: SECRET, RELAY_ENCRYPTION_KEY: KEY }],
];

/** What differs from an URL without credentials in it: the query, and the user. */
const URLS = (url: string) => [
  `${url}/?secret=${SECRET}`,
  url.replace("://", `://canary-secret-user:${SECRET}@`),
  `ws://canary-secret-user:${SECRET}@127.0.0.1:1/?secret=${SECRET}#${SECRET}`,
  `nonsense://${SECRET}@127.0.0.1/`,
];

/** What else each command is given. */
const REST: Record<string, string[]> = {
  produce: ["--give-up", "0"],
  consume: ["job-7", "--timeout", "0.3"],
  health: [],
};

Deno.test("what the commands print holds no secret and no key, whatever goes wrong", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  using directory = temporaryDirectory();
  const keyFile = directory.file("key", BAD_KEY);
  const run = (command: string, args: string[], env: Record<string, string>): Promise<CliResult> =>
    runCli([command, ...args, ...REST[command]], {
      env: { RELAY_URL: relay.url, ...env },
      stdin: TOKEN,
    });
  const codes = new Set<number>();
  for (const command of ["produce", "consume", "health"]) {
    const files: typeof CALLS = [[["--key-file", keyFile], { RELAY_SECRET: SECRET }]];
    const urls: typeof CALLS = URLS(relay.url).map((url) => [["--url", url], {}]);
    const calls = command === "health" ? urls : [...CALLS, ...files, ...urls];
    for (const [args, env] of calls) {
      const { code, stdout, stderr } = await run(command, args, env);
      codes.add(code);
      assertNothingIn(stdout + stderr, `${command} ${args.join(" ")}:\n${stdout}${stderr}`);
    }
  }
  assert.deepEqual([...codes].sort(), [0, 2, 3, 4]);
  assertNothingIn(relay.stderr(), "the relay's log");
});
