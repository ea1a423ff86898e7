/** Both versions in one channel: bare frames, our library, the Python client, and relays that do not know version 2. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { generateKey, RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { runCli } from "../helpers/cli.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { ResumableClient } from "../helpers/resumable_client.ts";
import {
  type PythonResult,
  pythonTest,
  resultOf,
  runPython,
  spawnPython,
} from "./python_process.ts";

const CHANNEL = "job-7";
const SMALL = Array.from(
  { length: 5000 },
  (_, n) => JSON.stringify({ type: "token", content: `${n} Grüße, 世界 🌍🏽!\n"\\ ` }),
);
const LARGE = JSON.stringify({ type: "token", content: "größer ".repeat(130_000) });
/** What a relay carries without a look inside, and an end that version 1 knows. */
const TEXTS = [
  ...SMALL,
  LARGE,
  "no JSON",
  "",
  '  { "type" : "token" , "content" : "\\u00e9\\n" }  ',
  "\u0000\ufeff\u{1f30d}\u2028\r",
  LARGE,
  '{"type":"done","usage":{}}',
];
const CLOSE = { code: 1000, reason: "done" };

/** A relay that keeps all of a test's stream. */
function startRelay() {
  return startRelayProcess(["--max-buffer-bytes", "64MiB"]);
}

/** Two bare consumers of each version, connected before this returns; the result reads all of them to the close. */
async function consumers(port: number) {
  const plain = await Promise.all(
    [1, 2].map(() => RawSocket.webSocket(port, `/consume/${CHANNEL}`)),
  );
  const resumable = await Promise.all(
    [1, 2].map(() => ResumableClient.consume(port, CHANNEL)),
  );
  await Promise.all(resumable.map((client) => client.expect("welcome")));
  return async () => {
    const texts = Promise.all(plain.map((socket) => socket.messages()));
    const lines = Promise.all(resumable.map((client) => client.collect()));
    const all = { plain: await texts, resumable: await lines };
    for (const socket of [...plain, ...resumable]) socket.close();
    return all;
  };
}

/** Each of the readers got exactly these messages and the good end. */
async function assertRead(
  read: Awaited<ReturnType<typeof consumers>>,
  texts: string[],
  lines: string[] = texts,
): Promise<void> {
  const { plain, resumable } = await read();
  for (const got of plain) {
    assert.deepEqual(got.close, CLOSE);
    assertSame(got.texts, texts);
  }
  for (const got of resumable) {
    assert.deepEqual(got.close, CLOSE);
    assertSame(got.lines, lines);
  }
}

/** As `deepEqual`, which takes long to describe a difference between long texts. */
function assertSame(actual: string[], expected: string[]): void {
  const at = expected.findIndex((text, i) => text !== actual[i]);
  assert.equal(at, -1, `message ${at} is ${JSON.stringify(actual[at])?.slice(0, 80)}`);
  assert.equal(actual.length, expected.length);
}

Deno.test("consumers of both versions, early and late, get a version 2 run byte for byte", async () => {
  await using relay = await startRelay();
  const early = await consumers(relay.port);
  await using producer = await ResumableClient.produce(relay.port, CHANNEL, { epoch: "run-1" });
  await producer.expect("welcome");
  const sending = async () => {
    for (let n = 0; n < TEXTS.length; n += 100) await producer.data(n, TEXTS.slice(n, n + 100));
    await producer.send({ type: "end", next: TEXTS.length, status: "done" });
    await producer.acknowledgedEnd(TEXTS.length);
  };
  await Promise.all([sending(), assertRead(early, TEXTS)]);
  await assertRead(await consumers(relay.port), TEXTS);
});

Deno.test("consumers of both versions, early and late, get a version 1 run; a newline is a space in version 2", async () => {
  await using relay = await startRelay();
  const early = await consumers(relay.port);
  await using producer = await RawSocket.webSocket(relay.port, `/produce/${CHANNEL}`);
  const spread = JSON.stringify({ type: "token", content: "spread\n" }, null, 2);
  const texts = [spread, `\n${LARGE}\n`, "\n", ...TEXTS];
  const lines = [spread.replaceAll("\n", " "), ` ${LARGE} `, " ", ...TEXTS];
  const sending = async () => {
    for (let n = 0; n < texts.length; n += 100) await producer.send(...texts.slice(n, n + 100));
  };
  await Promise.all([sending(), assertRead(early, texts, lines)]);
  await assertRead(await consumers(relay.port), texts, lines);
});

Deno.test("version 1 consumers see nothing of a version 2 producer that is cut off and resumes", async () => {
  await using relay = await startRelay();
  const early = await consumers(relay.port);
  await using plain = await RawSocket.webSocket(relay.port, `/consume/${CHANNEL}`);
  const texts = TEXTS.slice(-10);
  for (let next = 0; next < texts.length; next++) {
    const claim = { epoch: "run-1", next: texts.length };
    await using producer = await ResumableClient.produce(relay.port, CHANNEL, claim);
    assert.equal((await producer.expect("welcome")).next, next);
    await producer.data(next, [texts[next]]);
    assert.equal(await plain.message(), texts[next]); // the relay has it; now the cut
    if (next < texts.length - 1) continue;
    await producer.send({ type: "end", next: texts.length, status: "done" });
    await producer.acknowledgedEnd(texts.length);
  }
  assert.deepEqual((await plain.messages()).close, CLOSE);
  await assertRead(early, texts);
});

Deno.test("a version 1 run after a version 2 run that is away: 1 is told it was lost, 2 is restarted", async () => {
  await using relay = await startRelay();
  await using plain = await RawSocket.webSocket(relay.port, `/consume/${CHANNEL}`);
  await using following = await ResumableClient.consume(relay.port, CHANNEL, { restart: true });
  await following.expect("welcome");
  const old = await ResumableClient.produce(relay.port, CHANNEL, { epoch: "run-1" });
  await old.expect("welcome");
  await old.data(0, ['"old"']);
  assert.equal(await plain.message(), '"old"');
  old.close();
  await following.expect("begin");
  assert.deepEqual(await following.lines(1), ['"old"']);
  assert.equal((await following.expect("producer")).state, "away");

  await using producer = await RawSocket.webSocket(relay.port, `/produce/${CHANNEL}`);
  await producer.send('"new"', '{"type":"done"}');
  const lost = await plain.messages();
  assert.deepEqual(lost.texts.map((text) => JSON.parse(text).code), ["lost"]);
  const { lines, controls: [restart, end] } = await following.collect();
  assert.deepEqual(lines, ['"new"', '{"type":"done"}']);
  assert.deepEqual([restart.type, restart.from, end.status], ["restart", 0, "done"]);
});

/** Many tokens with characters of one to four bytes, and one that is large. */
const TOKENS = [
  ...Array.from({ length: 3000 }, (_, n) => `${n} Grüße, 世界 🌍🏽!\n"\\ `),
  "größer ".repeat(30_000),
  "\r\n",
];
const TEXT = TOKENS.join("");
const KEYS: Record<string, string | undefined> = { plain: undefined, encrypted: generateKey() };

/** Options of the Python client. */
function python(url: string, key: string | undefined, ...more: string[]): string[] {
  return ["--url", url, "--channel", CHANNEL, ...key === undefined ? [] : ["--key", key], ...more];
}

/** Starts a Python consumer and waits until it is connected. */
async function startPython(url: string, key: string | undefined) {
  const process = spawnPython(["consume", ...python(url, key)]);
  await process.waitForStdout(/"connected"/);
  return process;
}

function assertPython({ code, text, last, stderr }: PythonResult, expected: string): void {
  assert.equal(code, 0, stderr);
  assert.ok(text === expected, `Python got ${text.length} characters of ${expected.length}`);
  assert.equal(last?.event, "done");
}

function assertText(text: string, expected: string): void {
  assert.ok(text === expected, `${text.length} characters of ${expected.length}, or others`);
}

/** Our producer sends all tokens, a few at a time. */
async function produceTokens(url: string, encryptionKey: string | undefined): Promise<void> {
  await using producer = await RelayProducer.connect({ url, channel: CHANNEL, encryptionKey });
  for (let n = 0; n < TOKENS.length; n += 7) {
    const tokens = TOKENS.slice(n, n + 7);
    await producer.sendAll(tokens.map((content) => ({ type: "token", content })));
  }
  await producer.done({ completion_tokens: TOKENS.length });
}

for (const [how, key] of Object.entries(KEYS)) {
  const consumer = (url: string) =>
    new RelayConsumer({ url, channel: CHANNEL, encryptionKey: key, timeoutMs: 30_000 });

  pythonTest(
    `RelayProducer → RelayConsumer and Python consumer, early and late (${how})`,
    async () => {
      await using relay = await startRelay();
      await using theirs = await startPython(relay.url, key);
      const mine = consumer(relay.url);
      const [text] = await Promise.all([mine.collect(), produceTokens(relay.url, key)]);
      assertText(text, TEXT);
      assertPython(await resultOf(theirs), TEXT);
      assertPython(await runPython(["consume", ...python(relay.url, key)]), TEXT);
      const late = consumer(relay.url);
      assertText(await late.collect(), TEXT);
      assert.deepEqual(late.position, mine.position);
      assert.equal(late.position?.seq, TOKENS.length + 1);
      assert.equal(late.proven, key === undefined ? undefined : true);
    },
  );

  pythonTest(
    `Python producer → RelayConsumer and Python consumer, early and late (${how})`,
    async () => {
      await using relay = await startRelay();
      await using theirs = await startPython(relay.url, key);
      const words = 'Grüße, 世界 🌍🏽!\n"quoted"\\ '.repeat(500);
      const mine = consumer(relay.url);
      const [text, producer] = await Promise.all([
        mine.collect(),
        runPython(["produce", ...python(relay.url, key, "--text", words)]),
      ]);
      assert.equal(producer.code, 0, producer.stderr);
      assertText(text, words);
      assertPython(await resultOf(theirs), words);
      const late = consumer(relay.url);
      assertText(await late.collect(), words);
      assert.equal(late.proven, key === undefined ? undefined : false);
      assertPython(await runPython(["consume", ...python(relay.url, key)]), words);
    },
  );

  pythonTest(
    `a relay without version 2: our producer → our consumer and Python's (${how})`,
    async () => {
      await using relay = await startRelay();
      await using old = await startOldRelay(relay.port);
      await using theirs = await startPython(relay.url, key);
      const mine = consumer(old.url);
      const [text] = await Promise.all([mine.collect(), produceTokens(old.url, key)]);
      assertText(text, TEXT);
      assertPython(await resultOf(theirs), TEXT);
      assert.equal(old.offers, 2); // one each, of which nothing came: no second try
      assert.equal(mine.position, undefined);
      assert.equal(mine.proven, key === undefined ? undefined : true);
    },
  );

  Deno.test(`a consumer on a way without version 2 reads a version 2 run (${how})`, async () => {
    await using relay = await startRelay();
    await using old = await startOldRelay(relay.port);
    const early = consumer(old.url);
    const [text] = await Promise.all([early.collect(), produceTokens(relay.url, key)]);
    const late = consumer(old.url);
    for (const got of [text, await late.collect()]) assertText(got, TEXT);
    for (const { position, proven } of [early, late]) {
      assert.equal(position, undefined);
      assert.equal(proven, key === undefined ? undefined : true);
    }
  });

  pythonTest(
    `a relay without version 2: Python producer → streamrelay consume (${how})`,
    async () => {
      await using relay = await startRelay();
      await using old = await startOldRelay(relay.port);
      const env: Record<string, string> = { RELAY_URL: old.url };
      if (key !== undefined) env.RELAY_ENCRYPTION_KEY = key;
      const [consumed, producer] = await Promise.all([
        runCli(["consume", CHANNEL], { env }),
        runPython(["produce", ...python(relay.url, key, "--tokens", "2000")]),
      ]);
      assert.equal(producer.code, 0, producer.stderr);
      assert.equal(consumed.code, 0, consumed.stderr);
      assertText(consumed.stdout, Array.from({ length: 2000 }, (_, n) => `token ${n}\n`).join(""));
      const produced = await runCli(["produce", CHANNEL], { env, stdin: TEXT });
      assert.equal(produced.code, 0, produced.stderr);
      assertPython(await runPython(["consume", ...python(relay.url, key)]), TEXT);
      assert.equal(old.offers, 2);
    },
  );
}

Deno.test("a producer on a way without version 2 is read by version 2", async () => {
  await using relay = await startRelay();
  await using old = await startOldRelay(relay.port);
  const reader = new RelayConsumer({ url: relay.url, channel: CHANNEL, timeoutMs: 30_000 });
  const [text] = await Promise.all([reader.collect(), produceTokens(old.url, undefined)]);
  assertText(text, TEXT);
  assert.equal(reader.position?.seq, TOKENS.length + 1);
});

/** A way to a relay on which nothing is heard of version 2: what an older one, as Python's, is to a client. */
async function startOldRelay(port: number) {
  const sockets = new Set<Socket>();
  let offers = 0;
  const server = createServer();
  server.on("upgrade", ({ url, headers }, client: Socket, head) => {
    const { "sec-websocket-protocol": offer, ...rest } = headers as Record<string, string>;
    if (offer !== undefined) offers++;
    const relay = connect(port, "127.0.0.1");
    relay.write(request(`GET ${url}`, rest));
    relay.write(head);
    relay.pipe(client).pipe(relay);
    for (const [socket, other] of [[client, relay], [relay, client]]) {
      sockets.add(socket);
      socket.on("error", () => other.destroy()); // a reset on one side is one on the other
      socket.on("close", () => sockets.delete(socket));
    }
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** How many clients offered version 2. */
    get offers() {
      return offers;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
