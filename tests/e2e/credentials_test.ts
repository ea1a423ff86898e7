/** Secrets and keys: where they come from, what becomes of the wrong ones. */

import assert from "node:assert/strict";
import { runCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { until } from "../helpers/within.ts";
import { runShell, temporaryDirectory } from "./shell.ts";

const SECRET = "correct horse battery staple";
const KEY = "0123456789abcdef".repeat(4);
const OTHER_KEY = "fedcba9876543210".repeat(4);
const SUCCESS = { code: 0, stdout: "", stderr: "" };

type Env = Record<string, string>;

/** Sends "text" to a channel of its own; returns how that went, and what the consumer did. */
async function roundTrip(env: Env, produceArgs: string[], consumeArgs: string[], consumeEnv?: Env) {
  const channel = { CHANNEL_ID: crypto.randomUUID() };
  const [produced, consumed] = await Promise.all([
    runCli(["produce", ...produceArgs], { env: { ...env, ...channel }, stdin: "text" }),
    runCli(["consume", "--timeout", "20", ...consumeArgs], {
      env: { ...(consumeEnv ?? env), ...channel },
    }),
  ]);
  return { produced, consumed };
}

const DELIVERED = { produced: SUCCESS, consumed: { ...SUCCESS, stdout: "text" } };

/** Secrets that a header holds, and some that it does not. */
const SECRETS = [SECRET, "a", "ÄÖÜ 世界", " spaces around ", "tab\tinside", "x".repeat(4000)];

for (const secret of SECRETS) {
  Deno.test(`the secret '${secret.slice(0, 30)}' opens a relay that has it`, async () => {
    await using relay = await startRelayProcess([], { RELAY_SECRET: secret });
    const env = { RELAY_URL: relay.url, RELAY_SECRET: secret };
    assert.deepEqual(await roundTrip(env, [], []), DELIVERED);
  });
}

Deno.test("a wrong secret, and none, is exit code 3 for a producer and a consumer", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  for (const secret of ["wrong", "", "ÄÖÜ"]) {
    const env = { RELAY_URL: relay.url, RELAY_SECRET: secret };
    const { produced, consumed } = await roundTrip(env, ["--tee"], []);
    assert.equal(produced.code, 3, produced.stderr);
    assert.equal(produced.stdout, "text"); // the job goes on
    assert.match(produced.stderr, /credential missing or refused/);
    assert.deepEqual([consumed.code, consumed.stdout], [3, ""], consumed.stderr);
    assert.match(consumed.stderr, /^streamrelay: .*credential missing or refused\n$/);
  }
});

Deno.test("a producer with a wrong secret and much to say exits with 3 too", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const stdin = "a line of text\n".repeat(200_000);
  const { code, stdout, stderr } = await runCli(["produce", "--tee", "job-7"], {
    env: { RELAY_URL: relay.url, RELAY_SECRET: "wrong" },
    stdin,
  });
  assert.equal(code, 3, stderr);
  assert.ok(stdout === stdin);
  // told while it reads, or, where the refusal comes later than the end of stdin, with the end
  assert.match(stderr, /^streamrelay: .*credential missing or refused.*\n/);
});

Deno.test("--secret wins over RELAY_SECRET, --url over RELAY_URL", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const env = { RELAY_URL: "ws://127.0.0.1:1", RELAY_SECRET: "wrong" };
  const flags = ["--url", relay.url, "--secret", SECRET];
  assert.deepEqual(await roundTrip(env, flags, flags), DELIVERED);
});

Deno.test("--encryption-key wins over RELAY_ENCRYPTION_KEY", async () => {
  await using relay = await startRelayProcess();
  const env = { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: OTHER_KEY };
  const right = { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: KEY };
  assert.deepEqual(await roundTrip(env, ["--encryption-key", KEY], [], right), DELIVERED);
});

Deno.test("--secret-file and --key-file are read, on both sides and by the relay, and win over the environment", async () => {
  using directory = temporaryDirectory();
  const secretFile = directory.file("secret", `\n  ${SECRET}  \n`);
  const keyFile = directory.file("key", `${KEY}\n`);
  await using relay = await startRelayProcess(["--secret-file", secretFile]);
  const env = { RELAY_URL: relay.url, RELAY_SECRET: "wrong", RELAY_ENCRYPTION_KEY: OTHER_KEY };
  const files = ["--secret-file", secretFile, "--key-file", keyFile];
  assert.deepEqual(await roundTrip(env, files, files), DELIVERED);
  const { consumed } = await roundTrip(env, files, ["--secret-file", secretFile]);
  assert.equal(consumed.code, 6, "the environment's key is another one");
});

Deno.test("a relay's secret may come through a pipe, which can be read but once", async () => {
  using directory = temporaryDirectory();
  const pipe = `${directory.path}/secret`;
  const made = runShell(`mkfifo -m 600 ${pipe} && echo ${SECRET} > ${pipe}`);
  await until(() => Deno.lstat(pipe).then(() => true, () => false), "the pipe");
  await using relay = await startRelayProcess(["--secret-file", pipe]);
  await made;
  const wrong = await runCli(["produce", "job-7", "--url", relay.url, "--secret", "wrong"], {
    stdin: "text",
  });
  assert.equal(wrong.code, 3, wrong.stderr);
  const flags = ["--url", relay.url, "--secret", SECRET];
  assert.deepEqual(await roundTrip({}, flags, flags), DELIVERED);
});

Deno.test("what `keygen --env --out` wrote serves as a --key-file and as an environment file", async () => {
  await using relay = await startRelayProcess();
  using directory = temporaryDirectory();
  const script = `cd ${directory.path}
    streamrelay keygen --env --out key 2>/dev/null
    printf text | streamrelay produce job-7 --key-file key
    set -a; . ./key; streamrelay consume job-7`;
  const result = await runShell(script, { env: { RELAY_URL: relay.url } });
  assert.deepEqual(result, { ...SUCCESS, stdout: "text" });
});

Deno.test("a secret file that others can read is used, with a warning that says what to do", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  using directory = temporaryDirectory();
  const path = directory.file("secret", SECRET, 0o644);
  const { code, stdout, stderr } = await runCli(
    ["produce", "job-7", "--url", relay.url, "--secret-file", path],
    { stdin: "text" },
  );
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal(stderr, `streamrelay: ${path} can be read by others: chmod 600 ${path}\n`);
});

/** Files that hold no secret: their content, and what is said of them. */
const BAD_FILES: Record<string, [string | undefined, RegExp]> = {
  "an empty": ["", /it is empty/],
  "a blank": ["\n  \n\t\n", /it is empty/],
  "a missing": [undefined, /no such file/],
};

for (const [what, [content, reason]] of Object.entries(BAD_FILES)) {
  for (const option of ["--secret-file", "--key-file"]) {
    Deno.test(`${what} file for ${option} is wrong usage`, async () => {
      using directory = temporaryDirectory();
      const path = directory.file("file", content);
      for (const command of ["produce", "consume"]) {
        const result = await runCli([command, "job-7", option, path]);
        assert.deepEqual({ ...result, stderr: "" }, { ...SUCCESS, code: 2 });
        assert.match(result.stderr, /^streamrelay: Cannot .*\n$/);
        assert.match(result.stderr, reason);
        assert.ok(result.stderr.includes(path));
      }
    });
  }
}

for (const name of ["secret", "encryption-key"]) {
  Deno.test(`--${name} and its file together are wrong usage`, async () => {
    using directory = temporaryDirectory();
    const file = `--${name === "secret" ? "secret" : "key"}-file`;
    const path = directory.file("file", KEY);
    const { code, stderr } = await runCli(["consume", "job-7", `--${name}`, KEY, file, path]);
    assert.equal(code, 2);
    assert.match(stderr, /^streamrelay: .*not both\n$/);
  });
}

/** Keys that are none. */
const BAD_KEYS: Record<string, string> = {
  "31 bytes in hex": KEY.slice(2),
  "31 bytes in base64": new Uint8Array(31).fill(7).toBase64(),
  "33 bytes in base64": new Uint8Array(33).fill(7).toBase64(),
  "a passphrase": "correct horse battery staple",
};

for (const [what, key] of Object.entries(BAD_KEYS)) {
  Deno.test(`${what} is no key: exit 2, and the key is not shown`, async () => {
    for (const command of ["produce", "consume"]) {
      const { code, stdout, stderr } = await runCli(
        [command, "job-7", "--url", "ws://127.0.0.1:1"],
        {
          env: { RELAY_ENCRYPTION_KEY: key },
        },
      );
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^streamrelay: Cannot use the encryption key: .*keygen.*\n$/);
      assert.ok(!stderr.includes(key));
    }
  });
}

/** Keys of the producer and the consumer that do not fit, and what the consumer says. */
const MISMATCHES: Record<string, [Env, Env, RegExp]> = {
  "another key": [
    { RELAY_ENCRYPTION_KEY: KEY },
    { RELAY_ENCRYPTION_KEY: OTHER_KEY },
    /wrong key/,
  ],
  "no key": [{ RELAY_ENCRYPTION_KEY: KEY }, {}, /The channel is encrypted: give its key/],
  "a key for plaintext": [{}, { RELAY_ENCRYPTION_KEY: KEY }, /not encrypted.*refused/],
};

for (const [what, [producer, consumer, reason]] of Object.entries(MISMATCHES)) {
  Deno.test(`a consumer with ${what} prints nothing and exits with 6`, async () => {
    await using relay = await startRelayProcess();
    const { produced, consumed: { code, stdout, stderr } } = await roundTrip(
      { ...producer, RELAY_URL: relay.url },
      [],
      [],
      { ...consumer, RELAY_URL: relay.url },
    );
    assert.deepEqual(produced, SUCCESS);
    assert.deepEqual([code, stdout], [6, ""]);
    assert.match(stderr, /^streamrelay: .*\n$/);
    assert.match(stderr, reason);
  });
}

Deno.test("the same key may be hex on one side and base64url on the other", async () => {
  await using relay = await startRelayProcess();
  const base64url = Uint8Array.fromHex(KEY).toBase64({ alphabet: "base64url", omitPadding: true });
  const { produced, consumed } = await roundTrip(
    { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: KEY.toUpperCase() },
    [],
    [],
    { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: base64url },
  );
  assert.deepEqual({ produced, consumed }, DELIVERED);
});
