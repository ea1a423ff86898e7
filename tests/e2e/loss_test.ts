/** When one of the three dies: the others go on as far as they can, and say what is missing. */

import assert from "node:assert/strict";
import { type CliProcess, runCli, spawnCli } from "../helpers/cli.ts";
import { type RelayProcess, startRelayProcess } from "../helpers/relay_process.ts";
import { unansweringServer } from "./unanswering_server.ts";

const KEY = "11".repeat(32);
/** Variables of the environment for the two ways a stream travels. */
const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: KEY },
};

/** A relay with a producer that copies and a consumer, and `text` on its way through them. */
class Stream implements AsyncDisposable {
  private constructor(
    readonly relay: RelayProcess,
    readonly producer: CliProcess,
    readonly consumer: CliProcess,
  ) {}

  static async start(text: string, env: Record<string, string>): Promise<Stream> {
    const relay = await startRelayProcess(["--resume-timeout", "0.2"]);
    const options = { env: { ...env, RELAY_URL: relay.url, CHANNEL_ID: "job-7" } };
    const stream = new Stream(
      relay,
      spawnCli(["produce", "--tee", "--give-up", "0"], options),
      spawnCli(["consume", "--give-up", "0"], options),
    );
    await stream.producer.write(text);
    await stream.consumer.waitForStdout(new RegExp(text));
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of [this.producer, this.consumer, this.relay]) {
      await part[Symbol.asyncDispose]();
    }
  }
}

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`a relay killed in mid-stream does not stop the job (${how})`, async () => {
    await using stream = await Stream.start("one\n", env);
    const { relay, producer, consumer } = stream;
    await relay.stop("SIGKILL");

    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
    assert.match(consumed.stderr, /^streamrelay: .*lost.*\n$/);

    // told at once, while stdin is silent
    await producer.waitForStderr(/^streamrelay: Going on without the relay: .*lost.*\n$/);
    await producer.write("two\nthree\n");
    await producer.waitForStdout(/three\n$/);
    await producer.write("end");
    await producer.closeStdin();
    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, "one\ntwo\nthree\nend"]);
    assert.match(
      produced.stderr,
      /\nstreamrelay: 3 tokens were not delivered(, 1 token was not confirmed)?: .*\n$/,
    );
  });

  Deno.test(`a relay told to stop in mid-stream tells both sides and is gone soon (${how})`, async () => {
    await using stream = await Stream.start("one\n", env);
    const { relay, producer, consumer } = stream;
    assert.equal(await relay.stop("SIGTERM"), 0);

    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
    assert.match(consumed.stderr, /^streamrelay: .*shutting down.*\n$/);

    await producer.write("two\n");
    await producer.closeStdin();
    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, "one\ntwo\n"]);
    assert.match(
      produced.stderr,
      /^.*: Going on without the relay: .*shutting down.*\n.*: 1 token was not delivered.*\n$/,
    );
  });

  Deno.test(`a producer killed in mid-stream is lost to its consumer (${how})`, async () => {
    await using stream = await Stream.start("one\n", env);
    const { producer, consumer } = stream;
    producer.kill("SIGKILL");
    const { code, stdout, stderr } = await consumer.finished;
    assert.deepEqual([code, stdout], [5, "one\n"]);
    assert.match(stderr, /^streamrelay: the producer's connection ended.*\n$/);
  });

  Deno.test(`a consumer killed in mid-stream is nobody else's business (${how})`, async () => {
    await using stream = await Stream.start("one\n", env);
    const { relay, producer, consumer } = stream;
    consumer.kill("SIGKILL");
    await consumer.finished;
    await producer.write("two\n");
    await producer.closeStdin();
    assert.deepEqual(await producer.finished, { code: 0, stdout: "one\ntwo\n", stderr: "" });
    const late = await runCli(["consume", "job-7"], { env: { ...env, RELAY_URL: relay.url } });
    assert.deepEqual(late, { code: 0, stdout: "one\ntwo\n", stderr: "" });
  });
}

Deno.test("a relay that is away from the start does not stop the job either", async () => {
  await using relay = await startRelayProcess();
  await relay.stop("SIGKILL");
  const stdin = "line\n".repeat(100_000);
  const { code, stdout, stderr } = await runCli(["produce", "--tee", "job-7", "--give-up", "0"], {
    env: { RELAY_URL: relay.url },
    stdin,
  });
  assert.equal(code, 4);
  assert.ok(stdout === stdin);
  assert.match(
    stderr,
    // the refusal may come later than the end of stdin
    /^(.*: Going on without the relay: .*\n)?.*: \d+ tokens were not delivered: .*connection refused.*\n$/,
  );
});

Deno.test("nothing on stdin and no relay is a failure too: the end of the stream was not delivered", async () => {
  await using relay = await startRelayProcess();
  await relay.stop("SIGKILL");
  const { code, stderr } = await runCli(["produce", "job-7", "--give-up", "0"], {
    env: { RELAY_URL: relay.url },
  });
  assert.equal(code, 4);
  assert.match(stderr, /streamrelay: The end of the stream was not confirmed.*\n$/);
});

Deno.test("a producer whose end nobody confirms exits with 4", async () => {
  await using server = unansweringServer("handshake");
  const { code, stderr } = await runCli(["produce", "job-7", "--give-up", "0"], {
    env: { RELAY_URL: server.url },
    stdin: "text",
  });
  assert.equal(code, 4);
  assert.match(stderr, /^streamrelay: The end of the stream was not confirmed.*\n$/);
});
