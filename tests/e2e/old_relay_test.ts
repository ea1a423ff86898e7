/** A relay that only speaks the plain protocol (v1): streams are complete, what cannot be made good is said, attacks are found out. */

import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { RelayConsumer } from "../../src/client/consumer.ts";
import { RelayProducer } from "../../src/client/producer.ts";
import { type CliOptions, runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { startTamperingRelay, V1_TAMPERS } from "../helpers/tampering_relay.ts";

const KEY = "11".repeat(32);
const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: KEY },
};
const LOST =
  '{"type":"error","code":"lost","message":"the producer\'s connection ended in mid-stream"}';

/** A channel of the old relay: the messages of its last stream, and who reads it. */
interface OldChannel {
  messages: string[];
  /** Why it was closed, once it was. */
  ended?: string;
  readonly consumers: Set<WebSocket>;
}

/** A relay that takes no subprotocol and keeps every message of each channel's last stream. */
class OldRelay implements AsyncDisposable {
  readonly #server: WebSocketServer;
  readonly #channels = new Map<string, OldChannel>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, { url }) => {
      const [, role, channel] = url!.split("/");
      socket.on("error", () => {}); // `close` follows
      if (role === "produce") this.#produce(socket, this.#channel(channel));
      else this.#consume(socket, this.#channel(channel));
    });
  }

  static async start(): Promise<OldRelay> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const options = { host: "127.0.0.1", port: 0, handleProtocols: () => false as const };
    const server = new WebSocketServer(options, resolve);
    await promise;
    return new OldRelay(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #channel(id: string): OldChannel {
    const channel = this.#channels.get(id) ?? { messages: [], consumers: new Set() };
    this.#channels.set(id, channel);
    return channel;
  }

  #consume(socket: WebSocket, channel: OldChannel): void {
    for (const message of channel.messages) socket.send(message);
    if (channel.ended !== undefined) return socket.close(1000, channel.ended);
    channel.consumers.add(socket);
    socket.on("close", () => channel.consumers.delete(socket));
  }

  #produce(socket: WebSocket, channel: OldChannel): void {
    channel.messages = [];
    channel.ended = undefined;
    let last = "";
    const forward = (message: string) => {
      channel.messages.push(message);
      for (const consumer of channel.consumers) consumer.send(message);
    };
    socket.on("message", (data) => {
      forward(`${data}`);
      last = JSON.parse(`${data}`).type;
      if (last === "done") end(channel, "done");
    });
    socket.on("close", (code) => {
      if (channel.ended !== undefined) return;
      if (code === 1000 && last === "enc") return end(channel, "closed");
      forward(LOST);
      end(channel, "lost");
    });
  }
}

function end(channel: OldChannel, how: string): void {
  channel.ended = how;
  for (const consumer of channel.consumers) consumer.close(1000, how);
}

function lines(from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += `line ${i} of a text that is long enough\n`;
  return text;
}

const TEXT = lines(0, 3000);

for (const [how, env] of Object.entries(WAYS)) {
  const options = ({ url }: { url: string }): CliOptions => ({
    env: { ...env, RELAY_URL: url, CHANNEL_ID: "job-7" },
  });

  Deno.test(`an old relay carries a stream whole, to who waits and who comes late (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using consumer = spawnCli(["consume"], options(relay));
    await using producer = spawnCli(["produce"], options(relay));
    await producer.write(lines(0, 10));
    await consumer.waitForStdout(/line 9 /); // as it comes
    await producer.write(lines(10, 3000));
    await producer.closeStdin();
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    const late = await runCli(["consume"], options(relay));
    for (const { code, stdout, stderr } of [await consumer.finished, late]) {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(stdout === TEXT);
    }
  });

  Deno.test(`a command's exit code passes through an old relay (${how})`, async () => {
    await using relay = await OldRelay.start();
    const command = ["sh", "-c", "echo text; exit 9"];
    const produced = await runCli(["produce", "--", ...command], options(relay));
    assert.deepEqual(produced, { code: 9, stdout: "", stderr: "" });
    const { code, stdout, stderr } = await runCli(["consume"], options(relay));
    assert.deepEqual([code, stdout], [1, "text\n"]);
    assert.match(stderr, /exit code 9/);
  });

  Deno.test(`a producer cut off from an old relay reads on, and both sides are told (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    await using producer = spawnCli(["produce", "--tee"], options(proxy));
    await using consumer = spawnCli(["consume"], options(relay));
    await producer.write(lines(0, 1000));
    await consumer.waitForStdout(/line 500 /);
    proxy.connections[0].cutAfter(5_001, "up");
    await producer.write(lines(1000, 3000));
    await producer.closeStdin();
    const consumed = await consumer.finished;
    assert.equal(consumed.code, 5);
    assert.match(consumed.stderr, /^streamrelay: the producer's connection ended.*\n$/);
    assert.ok(TEXT.startsWith(consumed.stdout) && consumed.stdout.length < TEXT.length);
    const produced = await producer.finished;
    assert.equal(produced.code, 4);
    assert.ok(produced.stdout === TEXT);
    assert.match(produced.stderr, /streamrelay: .*not (delivered|confirmed).*\n$/);
    assert.equal(proxy.connections.length, 1, "it cannot be resumed");
  });

  Deno.test(`a consumer cut off from an old relay says that it is not complete (${how})`, async () => {
    await using relay = await OldRelay.start();
    await using proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    await using producer = spawnCli(["produce"], options(relay));
    await using consumer = spawnCli(["consume"], options(proxy));
    await producer.write(lines(0, 1000));
    await consumer.waitForStdout(/line 500 /);
    proxy.connections[0].cutAfter(5_001, "down");
    await producer.write(lines(1000, 3000));
    await producer.closeStdin();
    const { code, stdout, stderr } = await consumer.finished;
    assert.equal(code, 5);
    assert.match(stderr, /^streamrelay: The connection to the relay was lost.*\n$/);
    assert.ok(TEXT.startsWith(stdout) && stdout.length < TEXT.length);
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    assert.equal(proxy.connections.length, 1, "it cannot be resumed");
  });

  Deno.test(`an old relay that goes away is told to both sides (${how})`, async () => {
    const relay = await OldRelay.start();
    await using producer = spawnCli(["produce", "--tee"], options(relay));
    await using consumer = spawnCli(["consume"], options(relay));
    await producer.write("one\n");
    await consumer.waitForStdout(/one\n/);
    await relay[Symbol.asyncDispose]();
    await producer.waitForStderr(/^streamrelay: Going on without the relay: .*\n/);
    await producer.write("two\n");
    await producer.closeStdin();
    const produced = await producer.finished;
    assert.deepEqual([produced.code, produced.stdout], [4, "one\ntwo\n"]);
    const consumed = await consumer.finished;
    assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
  });
}

Deno.test("what an old relay cannot do is said", async () => {
  await using relay = await OldRelay.start();
  const options: CliOptions = { env: { RELAY_URL: relay.url, CHANNEL_ID: "job-7" } };
  assert.equal((await runCli(["produce"], { ...options, stdin: "text" })).code, 0);
  const cases: [string[], number[]][] = [
    [["cancel"], [4]],
    [["consume", "--from", "live"], [2]],
    [["consume", "--from", "run:1"], [2, 5]], // wrong usage, or the relay that had the position is gone
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runCli(args, options);
    assert.ok(expected.includes(code), `exit code ${code}`);
    assert.equal(stdout, "");
    assert.match(stderr, /^streamrelay: .* speaks the plain protocol \(v1\).*\n$/);
  }
});

/** The message that is attacked; the stream has eleven tokens and a `done`. */
const K = 5;

/** Sends a run of its own words to `channel`. */
async function produce(url: string, { channel, word }: { channel: string; word: string }) {
  await using producer = await RelayProducer.connect({ url, channel, encryptionKey: KEY });
  for (let i = 0; i <= 10; i++) await producer.sendToken(`${word} ${i}\n`);
  await producer.done();
}

const read = (url: string, channel: string) =>
  new RelayConsumer({ url, channel, encryptionKey: KEY }).collect();

for (const [name, tamper] of Object.entries(V1_TAMPERS)) {
  Deno.test(`an old relay that ${name} is found out`, async () => {
    await using relay = await OldRelay.start();
    await using evil = await startTamperingRelay({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    // what it can take its material from: an older run of the channel, and another channel
    await produce(relay.url, { channel: "job-7", word: "old" });
    await read(evil.url, "job-7");
    await produce(relay.url, { channel: "job-8", word: "other" });
    await read(evil.url, "job-8");
    await produce(relay.url, { channel: "job-7", word: "new" });
    const whole = await read(relay.url, "job-7");
    assert.match(whole, /^new 0\n[^]*new 10\n$/, "without an attack it is read");
    evil.tamper = tamper(K);
    const { code, stdout } = await runCli(["consume", "job-7"], {
      env: { RELAY_URL: evil.url, RELAY_ENCRYPTION_KEY: KEY },
    });
    assert.ok(evil.altered > 0, "the attack was not made");
    assert.ok([5, 6].includes(code), `exit code ${code}, ${stdout}`);
    assert.ok(whole.startsWith(stdout), `a wrong byte: ${stdout}`);
  });
}

Deno.test("a relay that is replaced by an old one in mid-stream ends it on both sides, with a word", async () => {
  await using relay = await startRelayProcess();
  await using old = await OldRelay.start();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  const options: CliOptions = { env: { RELAY_URL: proxy.url } };
  await using producer = spawnCli(["produce", "job-7"], options);
  await using consumer = spawnCli(["consume", "job-7"], options);
  await producer.write("one\n");
  await consumer.waitForStdout(/one\n/);
  proxy.retarget(old.port);
  await relay.stop("SIGKILL");
  const consumed = await consumer.finished;
  assert.deepEqual([consumed.code, consumed.stdout], [5, "one\n"]);
  assert.match(consumed.stderr, /replaced by one that speaks the plain protocol/);
  await producer.write("two\n");
  await producer.closeStdin();
  const produced = await producer.finished;
  assert.equal(produced.code, 4);
  assert.match(produced.stderr, /Another relay answers now.*\n.*not delivered/);
});
