/** Tokens as users have them: made on a login node, handed to a job and to a reader, and what they cannot do. */

import assert from "node:assert/strict";
import { runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { ResumableClient } from "../helpers/resumable_client.ts";
import { runShell, temporaryDirectory } from "./shell.ts";

const SECRET = "a secret of more than thirty-two bytes";
const OLD = "the secret that was before this one, as long";
const SUCCESS = { code: 0, stdout: "", stderr: "" };

/** Makes a token with the command. */
async function mint(args: string[], secret = SECRET): Promise<string> {
  const { code, stdout, stderr } = await runCli(["token", ...args], {
    env: { RELAY_SECRET: secret },
  });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^eyJ\S+\n$/);
  return stdout.trim();
}

function claims(token: string): Record<string, unknown> {
  const bytes = Uint8Array.fromBase64(token.split(".")[1], { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}

Deno.test("a job with a token produces and a reader with a token reads, neither has the secret", async () => {
  using directory = temporaryDirectory();
  const secret = directory.file("relay.secret", `${SECRET}\n`);
  await using relay = await startRelayProcess(["--secret-file", secret]);
  const script = `
    export CHANNEL_ID=job-7
    producer=$(streamrelay token --role produce --once --secret-file ${secret})
    reader=$(streamrelay token --role consume --ttl 10m --secret-file ${secret})
    printf 'the answer' | RELAY_TOKEN=$producer streamrelay produce
    RELAY_TOKEN=$reader streamrelay consume
    streamrelay consume --token $reader`;
  const result = await runShell(script, { env: { RELAY_URL: relay.url } });
  assert.deepEqual(result, { ...SUCCESS, stdout: "the answerthe answer" });
  assert.doesNotMatch(relay.stderr(), /eyJ|thirty-two/);
});

Deno.test("a token says what its options said", async () => {
  const before = Math.floor(Date.now() / 1000);
  const token = await mint([
    ...["--channel", "job-7", "--role", "consume,cancel", "--ttl", "2h", "--sub", "ada"],
    ...["--max-uses", "3", "--not-before", "1h"],
  ]);
  const { exp, nbf, iat, jti, ...rest } = claims(token);
  assert.deepEqual(rest, {
    channel: "job-7",
    role: ["consume", "cancel"],
    sub: "ada",
    max_uses: 3,
  });
  assert.ok(Number(iat) >= before && typeof jti === "string");
  assert.ok([7200, 7201].includes(Number(exp) - Number(iat)));
  assert.equal(Number(nbf) - Number(iat), 3600);
});

Deno.test("two tokens made with the same options are two", async () => {
  const [one, other] = await Promise.all([1, 2].map(() => mint(["-c", "a", "--role", "produce"])));
  assert.notEqual(claims(one).jti, claims(other).jti);
});

/** Tokens that do not serve to consume job-7, and what is said of them. */
const USELESS: Record<string, [string[], RegExp]> = {
  "for another channel": [["-c", "job-8", "--role", "consume"], /token is for another channel/],
  "for another role": [["-c", "job-7", "--role", "produce"], /token does not allow to consume/],
  "that is not good yet": [
    ["-c", "job-7", "--role", "consume", "--not-before", "1h"],
    /token is not good yet/,
  ],
  "that has expired": [["-c", "job-7", "--role", "consume", "--ttl", "1"], /token has expired/],
};

for (const [what, [args, reason]] of Object.entries(USELESS)) {
  Deno.test(`a token ${what} is exit code 3, and one line that names the reason and not the token`, async () => {
    await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
    const token = await mint(args);
    const expires = what === "that has expired";
    let result;
    do {
      result = await runCli(["consume", "job-7", "--timeout", expires ? "1" : "20"], {
        env: { RELAY_URL: relay.url, RELAY_TOKEN: token },
      });
    } while (result.code === 4 && expires); // within its last second it is good
    assert.deepEqual([result.code, result.stdout], [3, ""]);
    assert.match(result.stderr, /^streamrelay: .*\n$/);
    assert.match(result.stderr, reason);
    assert.doesNotMatch(result.stderr + relay.stderr(), /eyJ/);
  });
}

Deno.test("a token for one use serves one producer: the next one is refused, and its job goes on", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const token = await mint(["-c", "job-7", "--role", "produce", "--once"]);
  const env = { RELAY_URL: relay.url, RELAY_TOKEN: token };
  assert.deepEqual(await runCli(["produce", "job-7"], { env, stdin: "one" }), SUCCESS);
  const second = await runCli(["produce", "--tee", "job-7"], { env, stdin: "two" });
  assert.deepEqual([second.code, second.stdout], [3, "two"]);
  assert.match(second.stderr, /token is used already/);
});

Deno.test("a lost connection is no second use, for a producer and a consumer", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  const url = `ws://127.0.0.1:${proxy.port}`;
  const producing = {
    RELAY_URL: url,
    RELAY_TOKEN: await mint(["-c", "j", "--role", "produce", "--once"]),
  };
  const reading = {
    RELAY_URL: url,
    RELAY_TOKEN: await mint(["-c", "j", "--role", "consume", "--once"]),
  };
  await using producer = spawnCli(["produce", "j"], { env: producing });
  await using consumer = spawnCli(["consume", "j"], { env: reading });
  await producer.write("before\n");
  await consumer.waitForStdout(/before/);
  proxy.cut();
  await producer.write("after\n");
  await consumer.waitForStdout(/after/);
  await producer.closeStdin();
  assert.equal((await producer.finished).code, 0);
  assert.deepEqual((await consumer.finished).stdout, "before\nafter\n");
});

Deno.test("a token to cancel stops a producer", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const env = { RELAY_URL: relay.url, RELAY_TOKEN: await mint(["-c", "j", "--role", "cancel"]) };
  await using producer = spawnCli(["produce", "j"], {
    env: { RELAY_URL: relay.url, RELAY_SECRET: SECRET },
  });
  await producer.write("text\n");
  await using reader = await ResumableClient.consume(relay.port, "j", { credential: SECRET });
  while ((await reader.next()).type !== "data");
  const result = await runCli(["cancel", "j"], { env });
  assert.deepEqual(result, { ...SUCCESS, stderr: "j has ended: cancelled\n" });
  assert.equal((await producer.finished).code, 7);
  const reading = await runCli(["consume", "j"], { env });
  assert.equal(reading.code, 3);
});

Deno.test("while the secret is changed the relay takes the old one and the new one, and tokens of both", async () => {
  using directory = temporaryDirectory();
  const file = directory.file("relay.secret", `${SECRET}\nRELAY_SECRET=${OLD}\n`);
  await using relay = await startRelayProcess(["--secret-file", file]);
  const consume = ["-c", "job-7", "--role", "consume"];
  const tokens = await Promise.all([mint(consume), mint(consume, OLD)]);
  const credentials = [
    { RELAY_SECRET: SECRET },
    { RELAY_SECRET: OLD },
    ...tokens.map((token) => ({ RELAY_TOKEN: token })),
  ];
  const producer = ["produce", "job-7", "--url", relay.url, "--secret-file", file];
  assert.deepEqual(await runCli(producer, { stdin: "text" }), SUCCESS);
  for (const credential of credentials) {
    const env: Record<string, string> = { RELAY_URL: relay.url, ...credential };
    const read = await runCli(["consume", "job-7"], { env });
    assert.deepEqual(read, { ...SUCCESS, stdout: "text" });
  }
  const other = await mint(consume, "a third secret that nobody ever gave to the relay");
  const refused = await runCli(["consume", "job-7"], {
    env: { RELAY_URL: relay.url, RELAY_TOKEN: other },
  });
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /not signed with this relay's secret/);
});

Deno.test("a third secret is wrong usage: the file is not one of secrets", async () => {
  using directory = temporaryDirectory();
  const file = directory.file("relay.secret", "one\ntwo\nthree\n");
  const { code, stderr } = await runCli(["relay", "--port", "0", "--secret-file", file]);
  assert.equal(code, 2);
  assert.match(stderr, /it has 3 lines/);
  assert.doesNotMatch(stderr, /one|two\n|three/);
});

Deno.test("a flag wins over the environment, and of two variables the token", async () => {
  await using relay = await startRelayProcess([], { RELAY_SECRET: SECRET });
  const good = await mint(["-c", "job-7", "--role", "consume"]);
  const bad = await mint(["-c", "job-8", "--role", "consume"]);
  const run = (args: string[], env: Record<string, string>, stdin?: string) =>
    runCli(args, { env: { RELAY_URL: relay.url, ...env }, stdin });
  const produced = await run(["produce", "job-7"], { RELAY_SECRET: SECRET }, "the answer");
  assert.equal(produced.code, 0, produced.stderr);
  const cases: [string[], Record<string, string>, number][] = [
    [[], { RELAY_TOKEN: good, RELAY_SECRET: "wrong" }, 0],
    [[], { RELAY_TOKEN: bad, RELAY_SECRET: SECRET }, 3],
    [["--token", good], { RELAY_TOKEN: bad }, 0],
    [["--secret", SECRET], { RELAY_TOKEN: bad }, 0],
    [[], { RELAY_TOKEN: "", RELAY_SECRET: SECRET }, 0],
    [["--token", good, "--secret", SECRET], {}, 2],
  ];
  const results = await Promise.all(
    cases.map(([args, env]) => run(["consume", "job-7", ...args], env)),
  );
  assert.deepEqual(results.map(({ code }) => code), cases.map(([, , code]) => code));
});

/** Command lines that make no token, and what is said. */
const UNUSABLE: Record<string, [string[], RegExp]> = {
  "without a channel": [["--role", "consume"], /Name the channel/],
  "without a role": [["-c", "a"], /--role/],
  "with a role that there is not": [["-c", "a", "--role", "admin"], /produce, consume or cancel/],
  "with half a role": [["-c", "a", "--role", "consume,"], /produce, consume or cancel/],
  "for a bad channel": [["-c", "a/b", "--role", "consume"], /bad channel id/],
  "for a bad user": [["-c", "a", "--role", "consume", "--sub", "a b"], /sub is not/],
  "once and more often": [
    ["-c", "a", "--role", "consume", "--once", "--max-uses", "2"],
    /not both/,
  ],
  "for no use": [["-c", "a", "--role", "consume", "--max-uses", "0"], /whole number from 1/],
};

for (const [what, [args, reason]] of Object.entries(UNUSABLE)) {
  Deno.test(`a token ${what} is wrong usage`, async () => {
    const { code, stdout, stderr } = await runCli(["token", ...args], {
      env: { RELAY_SECRET: SECRET },
    });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, reason);
  });
}

Deno.test("without a secret no token is made, and a short one draws a warning", async () => {
  const args = ["token", "-c", "a", "--role", "consume"];
  const none = await runCli(args);
  assert.deepEqual([none.code, none.stdout], [2, ""]);
  assert.match(none.stderr, /Give the relay's secret/);
  const short = await runCli(args, { env: { RELAY_SECRET: "hunter2" } });
  assert.equal(short.code, 0);
  assert.match(short.stdout, /^eyJ/);
  assert.match(short.stderr, /^streamrelay: the secret is short: .*keygen --hex\n$/);
});

for (const command of ["produce", "consume"]) {
  Deno.test(`at a limit ${command} waits, says so, and goes on when there is room`, async () => {
    await using relay = await startRelayProcess(["--max-channels", "1"]);
    const other = await ResumableClient.consume(relay.port, "other");
    await other.expect("welcome");
    await using client = spawnCli([command, "job-7"], { env: { RELAY_URL: relay.url } });
    await client.waitForStderr(/a limit of this relay is reached/);
    other.socket.close();
    const counterpart = command === "produce" ? "consume" : "produce";
    if (command === "produce") await client.write("text");
    await client.closeStdin();
    const counter = await runCli([counterpart, "job-7"], {
      env: { RELAY_URL: relay.url },
      stdin: "text",
    });
    const finished = await client.finished;
    assert.deepEqual([counter.code, finished.code], [0, 0]);
    assert.equal(counter.stdout + finished.stdout, "text");
  });
}
