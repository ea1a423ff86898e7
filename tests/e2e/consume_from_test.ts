/** Where `consume` begins, what it remembers, and what it does about runs and messages that are gone; what `--pad` hides. */

import assert from "node:assert/strict";
import { type CliOptions, type CliProcess, runCli, spawnCli } from "../helpers/cli.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { until } from "../helpers/within.ts";
import { temporaryDirectory } from "./shell.ts";

const relay = sharedRelay(["--retain", "300", "--log-level", "debug"]);
const KEY = "11".repeat(32);
const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: KEY },
};
const LINES = ["zero\n", "one\n", "two\n", "three\n"];
const TEXT = LINES.join("");
/** Said where another run than expected is printed. */
const ANEW = "streamrelay: the job was started anew: its new run follows from its start\n";

type Options = CliOptions & { env: Record<string, string> };

/** A channel of its own for a test. */
function channel(env: Record<string, string>): Options {
  return { env: { ...env, RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() } };
}

/** Sends a whole run of a producer. */
async function produce(text: string, options: Options): Promise<void> {
  const { code, stderr } = await runCli(["produce"], { ...options, stdin: text });
  assert.deepEqual([code, stderr], [0, ""]);
}

/** What a position file says. */
function remembered(file: string): { epoch: string; seq: number; complete: boolean } {
  const { position, complete } = JSON.parse(Deno.readTextFileSync(file));
  const [epoch, seq] = position.split(":");
  return { epoch, seq: Number(seq), complete };
}

/** The epoch of a run that has ended. */
async function epochOf(options: Options): Promise<string> {
  using directory = temporaryDirectory();
  const file = directory.file("position");
  const { code } = await runCli(["consume", "--position-file", file], options);
  assert.equal(code, 0);
  return remembered(file).epoch;
}

/** Resolves when the relay has logged that something happened to the channel, `times` in all. */
function logged(what: string, { env }: Options, times = 1): Promise<void> {
  const line = `[${env.CHANNEL_ID.slice(0, 8)}] ${what}`;
  return until(() => relay.stderr().split(line).length > times, `${what}, ${times} times`);
}

/** Ends a consumer with SIGTERM and returns what it printed. */
async function interrupt(consumer: CliProcess): Promise<string> {
  consumer.kill("SIGTERM");
  const { code, stdout } = await consumer.finished;
  assert.equal(code, 143);
  return stdout;
}

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`--from start, and from each position, prints what follows (${how})`, async () => {
    const options = channel(env);
    await produce(TEXT, options);
    const epoch = await epochOf(options);
    const places: [string, string][] = [["start", TEXT]];
    for (let i = 0; i <= LINES.length; i++) places.push([`${epoch}:${i}`, LINES.slice(i).join("")]);
    for (const [from, stdout] of places) {
      const consumed = await runCli(["consume", "--from", from], options);
      assert.deepEqual(consumed, { code: 0, stdout, stderr: "" }, from);
    }
  });

  Deno.test(`--from live prints what is still to come (${how})`, async () => {
    const options = channel(env);
    await using producer = spawnCli(["produce"], options);
    await using early = spawnCli(["consume"], options);
    await producer.write("old\n");
    await early.waitForStdout(/old\n/);
    await using consumer = spawnCli(["consume", "--from", "live"], options);
    await logged("consumer connected", options, 2);
    await producer.write("new\n");
    await producer.closeStdin();
    assert.deepEqual(await consumer.finished, { code: 0, stdout: "new\n", stderr: "" });
  });

  Deno.test(`--from live before there is a producer prints all of it (${how})`, async () => {
    const options = channel(env);
    await using consumer = spawnCli(["consume", "--from", "live"], options);
    await logged("consumer connected", options);
    await using producer = spawnCli(["produce"], options);
    await logged("producer connected", options);
    await producer.write(TEXT);
    await producer.closeStdin();
    assert.deepEqual(await consumer.finished, { code: 0, stdout: TEXT, stderr: "" });
  });

  Deno.test(`a position in a run that goes on is followed by what is still to come (${how})`, async () => {
    const options = channel(env);
    using directory = temporaryDirectory();
    const file = directory.file("position");
    await using producer = spawnCli(["produce"], options);
    await producer.write("zero\none\n");
    await using first = spawnCli(["consume", "--position-file", file], options);
    await first.waitForStdout(/one\n/);
    assert.equal(await interrupt(first), "zero\none\n");
    const { epoch, seq, complete } = remembered(file);
    assert.deepEqual([seq, complete], [2, false]);
    await using consumer = spawnCli(["consume", "--from", `${epoch}:1`], options);
    await consumer.waitForStdout(/^one\n$/);
    await producer.write("two\n");
    await producer.closeStdin();
    assert.deepEqual(await consumer.finished, { code: 0, stdout: "one\ntwo\n", stderr: "" });
  });

  Deno.test(`a job that was started anew is said so, and its new run printed from its start (${how})`, async () => {
    const options = channel(env);
    using directory = temporaryDirectory();
    const file = directory.file("position");
    await using producer = spawnCli(["produce"], options);
    await producer.write("first\n");
    await using consumer = spawnCli(["consume", "--position-file", file], options);
    await consumer.waitForStdout(/first\n/);
    await interrupt(consumer);
    const { epoch } = remembered(file);
    producer.kill("SIGKILL");
    await producer.finished;
    await produce(TEXT, options);

    const failing = await runCli(
      ["consume", "--position-file", file, "--on-restart", "fail"],
      options,
    );
    assert.deepEqual([failing.code, failing.stdout], [4, ""]);
    assert.match(failing.stderr, /^streamrelay: .*another (one|run) has .*\n$/);
    assert.equal(remembered(file).epoch, epoch);

    const followed = await runCli(["consume", "--position-file", file], options);
    assert.deepEqual(followed, { code: 0, stdout: TEXT, stderr: ANEW });
    const after = remembered(file);
    assert.ok(after.epoch > epoch);
    assert.deepEqual([after.seq, after.complete], [LINES.length + 1, true]);
  });

  Deno.test(`a consumer that was reading when the job was started anew goes on with the new run (${how})`, async () => {
    const options = channel(env);
    await using producer = spawnCli(["produce"], options);
    await using follower = spawnCli(["consume"], options);
    await using failer = spawnCli(["consume", "--on-restart", "fail"], options);
    await producer.write("first\n");
    for (const consumer of [follower, failer]) await consumer.waitForStdout(/first\n/);
    producer.kill("SIGKILL");
    await producer.finished;
    await produce(TEXT, options);
    assert.deepEqual(await follower.finished, { code: 0, stdout: `first\n${TEXT}`, stderr: ANEW });
    const { code, stdout, stderr } = await failer.finished;
    assert.deepEqual([code, stdout], [5, "first\n"]);
    assert.match(stderr, /^streamrelay: the producer's connection ended in mid-stream\n$/);
  });

  Deno.test(`a position of a run that nobody knows is followed by what there is, or fails (${how})`, async () => {
    const options = channel(env);
    await produce(TEXT, options);
    const from = "000000000-AAAAAAAAAAAA:2";
    const followed = await runCli(["consume", "--from", from], options);
    assert.deepEqual(followed, { code: 0, stdout: TEXT, stderr: ANEW });
    const failed = await runCli(["consume", "--from", from, "--on-restart", "fail"], options);
    assert.deepEqual([failed.code, failed.stdout], [4, ""]);
    assert.match(failed.stderr, /^streamrelay: .*that run is over.*\n$/);
  });

  Deno.test(`a position beyond the end of the run is refused (${how})`, async () => {
    const options = channel(env);
    await produce(TEXT, options);
    const from = `${await epochOf(options)}:${LINES.length + 2}`;
    const { code, stdout, stderr } = await runCli(["consume", "--from", from], options);
    assert.deepEqual([code, stdout], [4, ""]);
    assert.match(stderr, /^streamrelay: .*position is beyond the 5 messages of the run\n$/);
  });

  Deno.test(`messages that are gone are said to be, and --allow-gaps prints those after them (${how})`, async () => {
    await using own = await startRelayProcess(["--max-buffer", "10"]);
    const options: Options = { env: { ...env, RELAY_URL: own.url, CHANNEL_ID: "job-7" } };
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
    await produce(lines.join(""), options);
    const { code, stdout, stderr } = await runCli(["consume"], options);
    assert.deepEqual([code, stdout], [5, ""]);
    const [, gone] = /^streamrelay: messages 0 to (\d+) .* \(--allow-gaps .*\)\n$/.exec(stderr)!;
    const last = Number(gone);
    assert.ok(last >= 900, stderr); // the end is a message too
    const rest = await runCli(["consume", "--allow-gaps"], options);
    assert.deepEqual([rest.code, rest.stdout], [0, lines.slice(last + 1).join("")]);
    assert.match(rest.stderr, /^streamrelay: messages 0 to \d+ are no longer retained.*\n$/);
    // a position that is still there has no gap
    using directory = temporaryDirectory();
    const file = directory.file("position");
    await runCli(["consume", "--allow-gaps", "--position-file", file], options);
    const from = `${remembered(file).epoch}:${last + 1}`;
    const whole = await runCli(["consume", "--from", from], options);
    assert.deepEqual(whole, { code: 0, stdout: rest.stdout, stderr: "" });
  });
}

Deno.test("a place that is none is wrong usage, and so are two places", async () => {
  const options = channel({});
  const wrong = ["", "now", "42", "run", "run:", ":1", "run:-1", "run:01", "run:1.5", "a run:1"];
  for (const from of [...wrong, `run:${2 ** 53}`]) {
    const { code, stdout, stderr } = await runCli(["consume", "--from", from], options);
    assert.deepEqual([code, stdout], [2, ""], from);
    assert.match(stderr, /--from/);
  }
  const both = ["--from", "live", "--position-file", "/nonexistent/position"];
  const { code, stderr } = await runCli(["consume", ...both], options);
  assert.equal(code, 2);
  assert.match(stderr, /^streamrelay: .*not both\n$/);
});

Deno.test("a position file that does not serve is left as it is", async () => {
  const options = channel({});
  await produce(TEXT, options);
  using directory = temporaryDirectory();
  const position = { position: "run:1", complete: false };
  const files: Record<string, [string, RegExp]> = {
    broken: ["{", /no position file/],
    other: [JSON.stringify({ channel: "another", ...position }), /belongs to another channel/],
    bad: [
      JSON.stringify({ channel: options.env.CHANNEL_ID, position: "one" }),
      /no position file/,
    ],
  };
  for (const [name, [content, pattern]] of Object.entries(files)) {
    const file = directory.file(name, content);
    const { code, stdout, stderr } = await runCli(["consume", "--position-file", file], options);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, pattern);
    assert.equal(Deno.readTextFileSync(file), content);
  }
  const file = directory.file("no-such-directory/position");
  const { code, stdout, stderr } = await runCli(["consume", "--position-file", file], options);
  assert.deepEqual([code, stdout], [2, TEXT]); // it is written last: what was printed stays printed
  assert.match(stderr, /^streamrelay: Cannot write .*: no such file\n$/);
});

/** The plaintext bytes of each message of a channel, as who reads the wire knows them. */
async function sizes({ env }: Options): Promise<number[]> {
  await using socket = await RawSocket.webSocket(relay.port, `/consume/${env.CHANNEL_ID}`);
  const { texts } = await socket.messages();
  const nonceAndTag = 12 + 16;
  return texts.map((text) => {
    const { type, d } = JSON.parse(text);
    assert.equal(type, "enc");
    return Uint8Array.fromBase64(d).length - nonceAndTag;
  });
}

Deno.test("--pad makes the sizes of short tokens the same, and those of all multiples; consumers print the same", async () => {
  const tokens = ["a\n", "bb\n", "some words, but not many\n", `${"long ".repeat(100)}\n`, "ü€🙂"];
  const padded = channel(WAYS.encrypted);
  const args = ["produce", "--pad", "256"];
  assert.equal((await runCli(args, { ...padded, stdin: tokens.join("") })).code, 0);
  const inside = await sizes(padded);
  assert.equal(inside.length, tokens.length + 1);
  assert.deepEqual(inside.map((size) => size % 256), inside.map(() => 0));
  assert.deepEqual([...inside.slice(0, 3), ...inside.slice(4)], [256, 256, 256, 256, 256]);
  assert.ok(inside[3] > 512);
  const consumed = await runCli(["consume"], padded);
  assert.deepEqual(consumed, { code: 0, stdout: tokens.join(""), stderr: "" });

  const plain = channel(WAYS.encrypted);
  await produce(tokens.join(""), plain);
  assert.equal(new Set((await sizes(plain)).slice(0, 4)).size, 4, "sizes tell, without --pad");
});

Deno.test("--pad without a key, or of nothing, is wrong usage", async () => {
  for (const args of [["--pad", "64"], ["--pad", "0", "--encryption-key", KEY], ["--pad", "x"]]) {
    const { code, stderr } = await runCli(["produce", ...args], channel({}));
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /--pad/);
  }
});

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`--from live has all of a stream that begins while it waits (${how})`, async () => {
    await using relay = await startRelayProcess();
    const options = { env: { ...env, RELAY_URL: relay.url } };
    await using consumer = spawnCli(["consume", "job-7", "--from", "live"], options);
    await until(async () => {
      const health = await fetch(`${relay.url.replace("ws", "http")}/health`);
      return (await health.json()).active_channels === 1;
    }, "the consumer");
    const produced = await runCli(["produce", "job-7"], { ...options, stdin: "one\ntwo\n" });
    assert.equal(produced.code, 0);
    assert.deepEqual(await consumer.finished, { code: 0, stdout: "one\ntwo\n", stderr: "" });
  });
}

Deno.test("with a key, a position of a newer run keeps an older one from being read", async () => {
  await using relay = await startRelayProcess();
  const options = { env: { RELAY_URL: relay.url, RELAY_ENCRYPTION_KEY: "11".repeat(32) } };
  await runCli(["produce", "job-7"], { ...options, stdin: "old\n" });
  const from = "zzzzzzzzz-AAAAAAAAAAAA:2";
  const { code, stdout, stderr } = await runCli(["consume", "job-7", "--from", from], options);
  assert.deepEqual([code, stdout], [6, ""]);
  assert.match(stderr, /replays an older run/);
});

Deno.test("a position that cannot be remembered is said, though the consumer was interrupted", async () => {
  const options = channel({});
  using directory = temporaryDirectory();
  const file = `${directory.path}/no/position`;
  await using first = spawnCli(["produce"], options);
  await first.write("zero\n");
  // with --collect it is written at the end alone
  await using consumer = spawnCli(["consume", "--collect", "--position-file", file], options);
  await logged("consumer connected", options);
  await logged("producer connected", options);
  await using live = spawnCli(["consume"], options);
  await live.waitForStdout(/zero\n/);
  first.kill("SIGKILL");
  await first.finished;
  await using _second = spawnCli(["produce"], options);
  await consumer.waitForStderr(/started anew/);
  consumer.kill("SIGTERM");
  const { code, stdout, stderr } = await consumer.finished;
  assert.deepEqual([code, stdout], [143, "zero\n"]);
  assert.equal(stderr, `${ANEW}streamrelay: Cannot write ${file}: no such file\n`);
});
