/** `produce -- command`: its output, its stderr, its signals and its end reach everyone they concern. */

import assert from "node:assert/strict";
import { type CliProcess, type CliResult, runCli, spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { until, within } from "../helpers/within.ts";
import { runShell, spawnShell, temporaryDirectory } from "./shell.ts";
import { unansweringServer } from "./unanswering_server.ts";

/** Shorter than every time limit of a client that waits for a server, which is 10 s. */
const AT_ONCE_MS = 8_000;

const relay = sharedRelay(["--retain", "300"]);

/** A channel of the relay, or of another one, for one test. */
function channel(url = relay.url): { env: Record<string, string> } {
  return { env: { RELAY_URL: url, CHANNEL_ID: crypto.randomUUID() } };
}

/** A script of sh; `env`, because what runs with & hands an ignored SIGINT on, be it these tests. */
function shell(script: string): string[] {
  return ["--", "env", "--default-signal", "sh", "-c", script];
}

/** Runs after what is before it has been set up, until a signal ends it. */
const LOOP = "echo ready; while :; do sleep 0.05; done";

/** Runs a command to its end; then what consumers of it print, and the messages. */
async function run(args: string[]) {
  const options = channel();
  const produced = await runCli(["produce", ...args], options);
  const [consumed, json] = await Promise.all([
    runCli(["consume"], options),
    runCli(["consume", "--json"], options),
  ]);
  const messages = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return { produced, consumed, messages };
}

function assertPrinted({ code, stdout }: CliResult, expectedCode: number, text: string): void {
  assert.deepEqual([code, stdout], [expectedCode, text]);
}

/** A command that runs, with a consumer that has seen it run. */
class Job implements AsyncDisposable {
  private constructor(readonly producer: CliProcess, readonly consumer: CliProcess) {}

  static async start(
    script: string,
    { options = [], consume = [], env = channel().env }: {
      options?: string[];
      consume?: string[];
      env?: Record<string, string>;
    } = {},
  ): Promise<Job> {
    const job = new Job(
      spawnCli(["produce", ...options, ...shell(script)], { env }),
      spawnCli(["consume", ...consume], { env }),
    );
    await job.consumer.waitForStdout(/ready\n/);
    return job;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.producer[Symbol.asyncDispose]();
    await this.consumer[Symbol.asyncDispose]();
  }
}

for (const [signal, code] of Object.entries({ TERM: 143, KILL: 137, SEGV: 139 })) {
  Deno.test(`a command that SIG${signal} ends is told with the signal, and the exit code is ${code}`, async () => {
    const { produced, consumed, messages } = await run(shell(`echo text; kill -${signal} $$`));
    assert.deepEqual(produced, { code, stdout: "", stderr: "" });
    assertPrinted(consumed, 1, "text\n");
    assert.match(consumed.stderr, new RegExp(`^streamrelay: .*SIG${signal}\n$`));
    const [token, error, ...rest] = messages;
    assert.deepEqual(token, { type: "token", content: "text\n" });
    assert.deepEqual([error.type, error.code, error.signal], ["error", "signal", `SIG${signal}`]);
    assert.deepEqual(rest, [], "consumers stop at the error");
  });
}

for (const [how, options] of Object.entries({ "a pipe": [], "a terminal": ["--pty"] })) {
  Deno.test(`a line on ${how} arrives before the command writes the next one`, async () => {
    const { env } = channel();
    await using job = await Job.start('echo ready; read -r line; echo "got $line"', {
      options,
      env,
    });
    await job.producer.write("a line of stdin\n");
    assertPrinted(await job.consumer.finished, 0, "ready\ngot a line of stdin\n");
    assert.deepEqual(await job.producer.finished, { code: 0, stdout: "", stderr: "" });
  });
}

Deno.test("--pty: a program that holds its output back in a pipe does not, and its newlines stay what they are", async () => {
  const options = channel();
  await using consumer = spawnCli(["consume"], options);
  await using producer = spawnCli(["produce", "--pty", "--", "grep", "-v", "^#"], options);
  await producer.write("one\n# two\n");
  await consumer.waitForStdout(/^one\n$/);
  await producer.write("three\n");
  await consumer.waitForStdout(/^one\nthree\n$/);
  await producer.closeStdin();
  assert.deepEqual(await consumer.finished, { code: 0, stdout: "one\nthree\n", stderr: "" });
  assert.equal((await producer.finished).code, 0);
});

Deno.test("a command's stderr is that of produce, and no part of the stream", async () => {
  const { produced, consumed, messages } = await run(shell("echo text; echo problem >&2"));
  assert.deepEqual(produced, { code: 0, stdout: "", stderr: "problem\n" });
  assert.deepEqual(consumed, { code: 0, stdout: "text\n", stderr: "" });
  assert.deepEqual(messages.map(({ type }) => type), ["token", "done"]);
});

Deno.test("--stderr stream sends it as log messages, which who prints tokens skips", async () => {
  const script = "echo problem >&2; printf 'no newline' >&2; echo text";
  const { produced, consumed, messages } = await run(["--stderr", "stream", ...shell(script)]);
  assert.deepEqual(produced, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(consumed, { code: 0, stdout: "text\n", stderr: "" });
  const logs = messages.filter(({ type }) => type === "log");
  assert.ok(logs.every(({ stream }) => stream === "stderr"));
  assert.equal(logs.map(({ content }) => content).join(""), "problem\nno newline");
  assert.deepEqual(messages.at(-1), { type: "done", usage: {} });
});

Deno.test("--tee copies a command's output, --usage goes with its end", async () => {
  const usage = { completion_tokens: 1 };
  const { produced, messages } = await run(
    ["--tee", "--usage", JSON.stringify(usage), ...shell("printf text")],
  );
  assert.deepEqual(produced, { code: 0, stdout: "text", stderr: "" });
  assert.deepEqual(messages, [{ type: "token", content: "text" }, { type: "done", usage }]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  const name = signal.slice(3);

  Deno.test(`${signal} reaches the command, whose last words are delivered and whose exit code counts`, async () => {
    const script = `trap 'echo saving; read -r what; echo "saved $what"; exit 6' ${name}; ${LOOP}`;
    await using job = await Job.start(script);
    job.producer.kill(signal);
    await job.consumer.waitForStdout(/saving\n/);
    await job.producer.write("all\n");
    assertPrinted(await job.consumer.finished, 1, "ready\nsaving\nsaved all\n");
    assertPrinted(await job.producer.finished, 6, "");
  });

  Deno.test(`${signal}: a command that knows what to do and ends well is done`, async () => {
    await using job = await Job.start(`trap 'echo saved; exit 0' ${name}; ${LOOP}`);
    job.producer.kill(signal);
    assert.deepEqual(await job.consumer.finished, {
      code: 0,
      stdout: "ready\nsaved\n",
      stderr: "",
    });
    assertPrinted(await job.producer.finished, 0, "");
  });

  Deno.test(`${signal}: a command that ignores it is killed after --grace, and consumers are told`, async () => {
    const script = `trap '' ${name}; ${LOOP}`;
    await using job = await Job.start(script, { options: ["--grace", "0.5"] });
    job.producer.kill(signal);
    assert.equal((await job.producer.finished).code, 137);
    const consumed = await job.consumer.finished;
    assertPrinted(consumed, 1, "ready\n");
    assert.match(consumed.stderr, /SIGKILL/);
  });
}

Deno.test("SIGUSR1 reaches the command, which goes on", async () => {
  await using job = await Job.start(`trap 'echo noted' USR1; trap 'exit 4' TERM; ${LOOP}`);
  job.producer.kill("SIGUSR1");
  await job.consumer.waitForStdout(/^ready\nnoted\n$/);
  job.producer.kill("SIGUSR1");
  await job.consumer.waitForStdout(/^ready\nnoted\nnoted\n$/);
  job.producer.kill("SIGTERM");
  assert.equal((await job.producer.finished).code, 4);
});

Deno.test("what a command left in the background and is cut off is said", async () => {
  const { env } = channel();
  const script = "(trap '' PIPE; sleep 3; echo late) & echo now";
  const produced = await runCli(["produce", "--", "sh", "-c", script], { env });
  assert.deepEqual([produced.code, produced.stdout], [0, ""]);
  assert.match(produced.stderr, /left in the background is not sent any more/);
  const { code, stdout } = await runCli(["consume"], { env });
  assert.deepEqual([code, stdout], [0, "now\n"]);
});

Deno.test("an interrupt while only the relay is waited for ends it at once", async () => {
  const env = { RELAY_URL: "ws://127.0.0.1:9", CHANNEL_ID: "job-7" };
  await using producer = spawnCli(["produce"], { env });
  await producer.write("text\n");
  await producer.waitForStderr(/trying it again/);
  await producer.closeStdin();
  let ended = false;
  void producer.finished.then(() => ended = true);
  producer.kill("SIGINT");
  await until(() => ended, "the end");
  assert.equal((await producer.finished).code, 130);
});

Deno.test("a stdin that cannot be read is told, to consumers too", async () => {
  const { env } = channel();
  const command = `${Deno.execPath()} run -A ${new URL("../../main.ts", import.meta.url).pathname}`;
  const produced = await new Deno.Command("sh", {
    args: ["-c", `${command} produce < /`],
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const stderr = new TextDecoder().decode(produced.stderr);
  assert.equal(produced.code, 2, stderr);
  assert.match(stderr, /^streamrelay: Cannot read stdin: /);
  const { code } = await runCli(["consume"], { env });
  assert.equal(code, 1);
});

Deno.test("cancel: a command that ignores SIGINT gets SIGTERM, and everyone is told that it was cancelled", async () => {
  const { env } = channel();
  const script = `trap 'echo no' INT; trap 'echo yes; exit 0' TERM; ${LOOP}`;
  await using job = await Job.start(script, { env });
  const cancelled = await runCli(["cancel", "--reason", "wrong prompt"], { env });
  assert.deepEqual(cancelled, {
    code: 0,
    stdout: "",
    stderr: `${env.CHANNEL_ID} has ended: cancelled\n`,
  });
  assertPrinted(await job.consumer.finished, 7, "ready\nno\nyes\n");
  const { code, stderr } = await job.producer.finished;
  assert.equal(code, 7);
  assert.match(stderr, /^streamrelay: cancelled by a consumer\n$/m);
});

Deno.test("cancel: a producer of stdin reads no more, and its end says so", async () => {
  const options = channel();
  await using producer = spawnCli(["produce"], options);
  await using consumer = spawnCli(["consume"], options);
  await producer.write("one\n");
  await consumer.waitForStdout(/one\n/);
  assert.equal((await runCli(["cancel"], options)).code, 0);
  assertPrinted(await consumer.finished, 7, "one\n");
  const { code, stderr } = await producer.finished; // while stdin is still open
  assert.deepEqual([code, stderr], [7, "streamrelay: cancelled by a consumer\n"]);
});

Deno.test("cancel: a stream that has ended is told as it ended; where nobody has come the exit code is 4", async () => {
  const options = channel();
  const absent = await runCli(["cancel"], options);
  assert.deepEqual([absent.code, absent.stdout], [4, ""]);
  assert.match(absent.stderr, /^streamrelay: .*no producer has come yet\n$/);
  assert.equal((await runCli(["produce"], { ...options, stdin: "text" })).code, 0);
  const over = await runCli(["cancel"], options);
  assert.deepEqual([over.code, over.stdout], [0, ""]);
  assert.match(over.stderr, /^\S+ has ended: done\n$/);
});

Deno.test("consume --cancel-on-interrupt: SIGINT stops the command, and its last words are printed", async () => {
  await using job = await Job.start(`trap 'echo stopped; exit 3' INT; ${LOOP}`, {
    consume: ["--cancel-on-interrupt"],
  });
  job.consumer.kill("SIGINT");
  assertPrinted(await job.consumer.finished, 7, "ready\nstopped\n");
  assert.equal((await job.producer.finished).code, 3);
});

Deno.test("consume --cancel-on-interrupt: SIGTERM, and a second SIGINT, only end the consumer", async () => {
  const { env } = channel();
  const script = "trap 'echo no' INT; trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done";
  await using job = await Job.start(script, { env, consume: ["--cancel-on-interrupt"] });
  await using other = spawnCli(["consume", "--cancel-on-interrupt"], { env });
  await other.waitForStdout(/ready\n/);
  other.kill("SIGTERM");
  assertPrinted(await other.finished, 143, "ready\n");
  job.consumer.kill("SIGINT");
  await job.consumer.waitForStdout(/^ready\nno\n$/);
  job.consumer.kill("SIGINT");
  assert.equal((await job.consumer.finished).code, 130);
  job.producer.kill("SIGTERM"); // a producer that is killed leaves its command behind
  assert.equal((await job.producer.finished).code, 4);
});

Deno.test("a consumer that is interrupted without that option stops nothing", async () => {
  const { env } = channel();
  await using job = await Job.start("trap '' TERM; echo ready; read -r line; echo $line", { env });
  await using late = spawnCli(["consume"], { env });
  await late.waitForStdout(/ready\n/);
  job.consumer.kill("SIGINT");
  assertPrinted(await job.consumer.finished, 130, "ready\n");
  await job.producer.write("goes on\n");
  assert.deepEqual(await late.finished, { code: 0, stdout: "ready\ngoes on\n", stderr: "" });
  assert.equal((await job.producer.finished).code, 0);
});

/** Commands that cannot be run, with the exit code that a shell has for them. */
const IMPOSSIBLE: [string, number, RegExp][] = [
  ["no-such-command", 127, /^streamrelay: Cannot run no-such-command: no such command\n$/],
  ["/", 126, /^streamrelay: Cannot run \/: permission denied\n$/],
];

for (const [program, code, pattern] of IMPOSSIBLE) {
  Deno.test(`a command that cannot be run (${program}) is told to consumers, and the exit code is ${code}`, async () => {
    const { produced, consumed, messages } = await run(["--", program, "argument"]);
    assert.deepEqual([produced.code, produced.stdout], [code, ""]);
    assert.match(produced.stderr, pattern);
    assertPrinted(consumed, 1, "");
    assert.deepEqual([messages[0].type, messages[0].exit_code], ["error", code]);
  });
}

Deno.test("-- without a command, and --pty without one, are wrong usage", async () => {
  for (const args of [["job-7", "--"], ["--"], ["job-7", "--pty"]]) {
    const { code, stdout, stderr } = await runCli(["produce", "--url", relay.url, ...args]);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /^streamrelay: .*-- \S+\n$/);
  }
});

Deno.test("what follows -- is the command's, options of produce too", async () => {
  const { produced, consumed } = await run(["--", "echo", "--help", "--tee", "--", "job-7"]);
  assert.deepEqual(produced, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(consumed, { code: 0, stdout: "--help --tee -- job-7\n", stderr: "" });
});

/** How a command ends that could not be delivered, and what produce exits with. */
const UNDELIVERED: [string, number][] = [["exit 0", 4], ["exit 3", 3], ["kill -KILL $$", 137]];

for (const [ending, code] of UNDELIVERED) {
  Deno.test(`a relay that goes away stops no command: '${ending}' is exit code ${code}`, async () => {
    await using own = await startRelayProcess();
    const script = `echo ready; read -r line; seq 1000; ${ending}`;
    await using job = await Job.start(script, {
      options: ["--tee", "--give-up", "0"],
      env: channel(own.url).env,
    });
    await own.stop("SIGKILL");
    await job.producer.waitForStderr(/Going on without the relay: /);
    await job.producer.write("go\n");
    const produced = await job.producer.finished;
    const lines = Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join("");
    assertPrinted(produced, code, `ready\n${lines}`);
    assert.match(produced.stderr, /streamrelay: \d+ tokens were not delivered.*\n$/);
  });
}

Deno.test("a command that is interrupted while the relay is away has its time, and is not kept waiting for it", async () => {
  await using own = await startRelayProcess();
  const script = `trap 'echo saved; exit 6' TERM; ${LOOP}`;
  await using job = await Job.start(script, {
    options: ["--tee", "--grace", "2"],
    env: channel(own.url).env,
  });
  await own.stop("SIGKILL");
  await job.producer.waitForStderr(/Going on without the relay, /);
  job.producer.kill("SIGTERM");
  assertPrinted(await job.producer.finished, 6, "ready\nsaved\n");
});

Deno.test("a command's own exit code counts, though its output cannot be copied (a full disk)", async () => {
  const { env } = channel();
  const script = "streamrelay produce --tee -- sh -c 'echo text; exit 3' >/dev/full";
  const { code, stderr } = await runShell(script, { env });
  assert.equal(code, 3);
  assert.match(stderr, /^streamrelay: Cannot write to stdout: No space left.*\n$/);
  assertPrinted(await runCli(["consume"], { env }), 1, "text\n");
});

/** In place of script(1): says that it is about to make a terminal, and waits until it may. */
const HELD_SCRIPT = `#!/bin/sh
PATH=$REST
touch "$GATE/ready"
while [ ! -e "$GATE/go" ]; do sleep 0.05; done
exec script "$@"
`;

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("a signal that comes before the command is started reaches it, and consumers are told", async () => {
  using directory = temporaryDirectory();
  const { env } = channel();
  directory.file("script", HELD_SCRIPT, 0o700);
  const REST = Deno.env.get("PATH")!;
  await using producer = spawnCli(["produce", "--pty", ...shell("exec sleep 1000")], {
    env: { ...env, GATE: directory.path, REST, PATH: `${directory.path}:${REST}` },
  });
  await until(() => exists(directory.file("ready")), "the terminal to be made");
  producer.kill("SIGTERM");
  directory.file("go", "");
  assert.equal((await producer.finished).code, 143);
  const { code, stderr } = await runCli(["consume"], { env });
  assert.equal(code, 1);
  assert.match(stderr, /^streamrelay: the command was ended by SIGTERM\n$/);
});

Deno.test("a second signal ends a producer whose command has ended and whose relay does not answer", async () => {
  await using server = unansweringServer("handshake");
  const { env } = channel(server.url);
  await using producer = spawnCli(["produce", ...shell(`trap 'exit 6' TERM; ${LOOP}`)], { env });
  await server.received(/ready/);
  producer.kill("SIGTERM");
  await server.received(/"error"/);
  producer.kill("SIGTERM");
  const { code } = await within(producer.finished, "it to end", AT_ONCE_MS);
  assert.equal(code, 6);
});

/** A script: a command whose stdout is a pipe that stays open while nobody reads from it. */
const UNREAD = (command: string) =>
  `exec 3<&0
  { "$DENO" run --quiet -A "$MAIN" ${command} & echo "pid $!" >&2; wait $!; echo "code $?" >&2; } |
    { read -r line <&3; }`;

Deno.test("a command is ended though nobody reads the copy of its output, and consumers are told", async () => {
  const { env } = channel();
  const command = "produce --tee --grace 1 -- env --default-signal yes text";
  await using copied = spawnShell(UNREAD(command), { env });
  const [, pid] = await copied.waitForStderr(/pid (\d+)\n/);
  await using consumer = spawnCli(["consume"], { env });
  await consumer.waitForStdout(/(text\n){20000}/); // more than a pipe holds
  Deno.kill(Number(pid), "SIGTERM");
  assert.equal((await within(consumer.finished, "the news")).code, 1);
  await within(copied.waitForStderr(/code 143\n/), "it to end");
});
