/** Consumers: late, many, slow, and such as say more than they should. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { clientFrame } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { type RelayProcess, startRelayProcess } from "../helpers/relay_process.ts";
import { channelsBecome, nothingLeaks, residentBytes } from "../helpers/relay_state.ts";
import { until } from "../helpers/within.ts";

const MiB = 1024 * 1024;
const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';

/** Message `n` of a stream, half a mebibyte. */
function large(n: number): string {
  return JSON.stringify({ type: "token", n, content: "x".repeat(MiB / 2) });
}

/** More of {@linkcode large} than the system's buffers on the way to one reader take: they stop at some 10 MB. */
const MANY = 48;

function connect(relay: RelayProcess, role: string): Promise<RawSocket> {
  return RawSocket.webSocket(relay.port, `/${role}/job-7`);
}

/** Resolves when the relay has told its log that a connection was closed with `code`. */
function closedWith(relay: RelayProcess, code: number): Promise<void> {
  return until(
    () => relay.stderr().includes(`connection closed ${code}`),
    () => `close code ${code} in the log:\n${relay.stderr()}`,
  );
}

Deno.test("readers that come at any time get the whole stream in order", async () => {
  await using relay = await startRelayProcess();
  const texts = Array.from({ length: 30 }, (_, n) => `{"type":"token","content":"${n} "}`);
  const readers: RawSocket[] = [await connect(relay, "consume")];
  await using producer = await connect(relay, "produce");
  for (const text of texts) {
    await producer.send(text);
    assert.equal(await readers[0].message(), text);
    readers.push(await connect(relay, "consume"));
  }
  await producer.send(DONE);
  readers.push(await connect(relay, "consume"));
  const [first, ...others] = await Promise.all(readers.map((reader) => reader.messages()));
  assert.deepEqual(first.texts, [DONE]);
  for (const { texts: got, close } of others) {
    assert.deepEqual({ got, close }, {
      got: [...texts, DONE],
      close: { code: 1000, reason: "done" },
    });
  }
  for (const reader of readers) reader.close();
});

Deno.test("what a consumer says is ignored", async () => {
  await using relay = await startRelayProcess();
  await using consumer = await connect(relay, "consume");
  await consumer.send(TOKEN, DONE, '{"type":"auth","secret":"x"}', "x".repeat(8000));
  await consumer.write(clientFrame("", { opcode: OPCODE.ping }));
  assert.equal((await consumer.frame())?.opcode, OPCODE.pong);
  await using other = await connect(relay, "consume");
  await using producer = await connect(relay, "produce");
  await producer.send(TOKEN, DONE);
  for (const socket of [consumer, other]) {
    assert.deepEqual((await socket.messages()).texts, [TOKEN, DONE]);
  }
});

Deno.test("a consumer that says more than a credential can have is closed 1009 from the header alone", async () => {
  await using relay = await startRelayProcess();
  await using consumer = await connect(relay, "consume");
  await consumer.write(clientFrame("x".repeat(9 * 1024)).subarray(0, 8));
  assert.equal((await consumer.messages()).close?.code, 1009);
});

Deno.test("a consumer that ends its sending direction is let go", async () => {
  await using relay = await startRelayProcess();
  await using consumer = await connect(relay, "consume");
  await channelsBecome(relay.port, 1);
  await consumer.closeWrite();
  assert.ok(await consumer.ended());
  await channelsBecome(relay.port, 0);
});

Deno.test("a consumer's leaving disturbs neither the producer nor the others", async () => {
  await using relay = await startRelayProcess();
  await using producer = await connect(relay, "produce");
  await using stays = await connect(relay, "consume");
  await using leaves = await connect(relay, "consume");
  await producer.send(TOKEN);
  assert.equal(await leaves.message(), TOKEN);
  leaves.close();
  await producer.send(TOKEN, DONE);
  assert.deepEqual((await stays.messages()).texts, [TOKEN, TOKEN, DONE]);
});

Deno.test("a reader that falls behind is closed 4008, the others get everything", async () => {
  await using relay = await startRelayProcess([
    "--max-buffer-bytes",
    "2MiB",
    "--retain",
    "0",
    "--log-level",
    "debug",
  ]);
  const checkLeaks = nothingLeaks(relay);
  await using slow = await connect(relay, "consume");
  await using fast = await connect(relay, "consume");
  await using producer = await connect(relay, "produce");
  const before = residentBytes(relay.pid);
  let sent = 0;
  while (!relay.stderr().includes("connection closed 4008")) {
    assert.ok(sent < 200, "a reader that reads nothing is served for ever");
    await producer.send(large(sent));
    assert.equal(await fast.message(), large(sent++));
  }
  // what was on its way still comes, in order, and then why there is no more
  const { texts, close } = await slow.messages();
  texts.forEach((text, n) => assert.equal(text, large(n)));
  assert.ok(texts.length < sent);
  assert.deepEqual(close, { code: 4008, reason: ERRORS.too_slow.text });
  const grown = residentBytes(relay.pid) - before;
  assert.ok(grown < 40 * MiB, `grown by ${grown} bytes`);

  await producer.send(DONE);
  assert.deepEqual((await fast.messages()).texts, [DONE]);
  for (const socket of [slow, fast, producer]) socket.close();
  await checkLeaks();
});

Deno.test("a reader that takes nothing is closed 4008 after --stall-timeout", async () => {
  await using relay = await startRelayProcess([
    "--max-buffer-bytes",
    "64MiB",
    "--stall-timeout",
    "2", // the reader below must not seem to stall on a busy machine
    "--log-level",
    "debug",
  ]);
  await using stalled = await connect(relay, "consume");
  await using producer = await connect(relay, "produce");
  for (let n = 0; n < MANY; n++) await producer.send(large(n));
  await closedWith(relay, 4008);
  const { texts, close } = await stalled.messages();
  assert.ok(texts.length < MANY);
  texts.forEach((text, n) => assert.equal(text, large(n)));
  assert.deepEqual(close, { code: 4008, reason: ERRORS.too_slow.text });

  await using late = await connect(relay, "consume");
  await producer.send(DONE);
  assert.equal((await late.messages()).texts.length, MANY + 1);
});

Deno.test("a reader that pauses for less than --stall-timeout loses nothing", async () => {
  await using relay = await startRelayProcess(["--max-buffer-bytes", "64MiB"]);
  await using pausing = await connect(relay, "consume");
  await using producer = await connect(relay, "produce");
  for (let n = 0; n < MANY; n++) await producer.send(large(n));
  await producer.send(DONE);
  await producer.sendClose();
  assert.equal((await producer.closed()).code, 1000);
  const { texts, close } = await pausing.messages();
  assert.equal(texts.pop(), DONE);
  assert.equal(texts.length, MANY);
  texts.forEach((text, n) => assert.equal(text, large(n)));
  assert.deepEqual(close, { code: 1000, reason: "done" });
});

Deno.test("a late reader of a stream whose beginning is gone is told of the gap first", async () => {
  await using relay = await startRelayProcess(["--max-buffer", "10"]);
  await using producer = await connect(relay, "produce");
  const texts = Array.from({ length: 99 }, (_, n) => `{"type":"token","content":"${n} "}`);
  await producer.send(...texts, DONE);
  await producer.sendClose();
  assert.equal((await producer.closed()).code, 1000);
  await using late = await connect(relay, "consume");
  const gap = '{"type":"gap","from":0,"to":90}';
  assert.deepEqual((await late.messages()).texts, [gap, ...texts.slice(90), DONE]);
});

Deno.test("an ended stream is kept for --retain and no longer; then a consumer waits", async () => {
  await using relay = await startRelayProcess(["--retain", "1"]);
  await using producer = await connect(relay, "produce");
  await producer.send(TOKEN, DONE);
  {
    await using soon = await connect(relay, "consume");
    assert.deepEqual((await soon.messages()).texts, [TOKEN, DONE]);
  }
  await channelsBecome(relay.port, 0);
  await using waiting = await connect(relay, "consume");
  await using second = await connect(relay, "produce");
  await second.send('"second"', DONE);
  assert.deepEqual((await waiting.messages()).texts, ['"second"', DONE]);
});
