/** The bounds on channels and consumers, and the time a channel may be idle. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { channelsBecome, openFiles, residentBytes } from "../helpers/relay_state.ts";
import { until } from "../helpers/within.ts";

const MiB = 1024 * 1024;
const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';
const LIMIT = { code: 4010, reason: ERRORS.limit.text };
const EXPIRED = { code: 4012, reason: ERRORS.expired.text };

for (const role of ["produce", "consume"]) {
  Deno.test(`one channel more than --max-channels is closed 4010 (${role})`, async () => {
    await using relay = await startRelayProcess(["--max-channels", "2"]);
    const connect = (channel: string) => RawSocket.webSocket(relay.port, `/${role}/${channel}`);
    await using first = await connect("first");
    await using _second = await connect("second");
    {
      await using third = await connect("third");
      assert.deepEqual(await third.closed(), LIMIT);
    }
    await channelsBecome(relay.port, 2);
    const other = role === "produce" ? "consume" : "produce";
    await using joining = await RawSocket.webSocket(relay.port, `/${other}/first`);
    const [producer, consumer] = role === "produce" ? [first, joining] : [joining, first];
    await producer.send(TOKEN, DONE);
    assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
  });
}

Deno.test("a channel that is given up makes room for another", async () => {
  await using relay = await startRelayProcess(["--max-channels", "1"]);
  {
    await using _first = await RawSocket.webSocket(relay.port, "/consume/first");
    await channelsBecome(relay.port, 1);
  }
  await channelsBecome(relay.port, 0);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/second");
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/second");
  await producer.send(TOKEN);
  assert.equal(await consumer.message(), TOKEN);
});

Deno.test("one consumer more than --max-consumers is closed 4010, until one leaves", async () => {
  await using relay = await startRelayProcess(["--max-consumers", "1"]);
  const connect = () => RawSocket.webSocket(relay.port, "/consume/job-7");
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await using first = await connect();
  {
    await using second = await connect();
    assert.deepEqual(await second.closed(), LIMIT);
  }
  await producer.send(TOKEN);
  assert.equal(await first.message(), TOKEN);
  await first.sendClose();
  assert.equal((await first.closed()).code, 1000);
  await using third = await connect();
  assert.equal(await third.message(), TOKEN);
});

Deno.test("consumers whom nobody joins are told that the channel expired, then closed 4012", async () => {
  await using relay = await startRelayProcess(["--channel-timeout", "0.3"]);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7");
  const { texts: [error, ...more], close } = await consumer.messages();
  assert.deepEqual(JSON.parse(error), {
    type: "error",
    code: "expired",
    message: ERRORS.expired.text,
  });
  assert.deepEqual({ more, close }, { more: [], close: EXPIRED });
  await channelsBecome(relay.port, 0);
});

Deno.test("a producer whom nobody reads is closed 4012 once it is idle, and what it said is kept", async () => {
  await using relay = await startRelayProcess(["--channel-timeout", "0.3"]);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await producer.send(TOKEN);
  assert.deepEqual(await producer.closed(), EXPIRED);
  await using late = await RawSocket.webSocket(relay.port, "/consume/job-7");
  const { texts: [first, error, ...more], close } = await late.messages();
  assert.deepEqual([first, JSON.parse(error).code, more], [TOKEN, "expired", []]);
  assert.deepEqual(close, EXPIRED);
});

Deno.test("a channel with both sides does not expire, however idle it is", async () => {
  await using relay = await startRelayProcess(["--channel-timeout", "0.3"]);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  for (const channel of ["first", "second"]) {
    await using lonely = await RawSocket.webSocket(relay.port, `/consume/${channel}`);
    assert.deepEqual((await lonely.messages()).close, EXPIRED);
  }
  await producer.send(TOKEN, DONE);
  assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
});

Deno.test("a consumer that leaves an expired channel late does not harm the next one", async () => {
  await using relay = await startRelayProcess(["--channel-timeout", "0.3"]);
  const connect = (role: string) => RawSocket.webSocket(relay.port, `/${role}/job-7`);
  await using old = await connect("consume");
  assert.deepEqual((await old.messages()).close, EXPIRED);
  await using reader = await connect("consume");
  await using producer = await connect("produce");
  await producer.send(TOKEN);
  assert.equal(await reader.message(), TOKEN);
  const files = openFiles(relay.pid);
  old.close();
  await until(() => openFiles(relay.pid) < files, "the relay to see it leave");
  await using late = await connect("consume");
  assert.equal(await late.message(), TOKEN);
});

Deno.test("all channels together stay within --max-memory: ended ones go first", async () => {
  await using relay = await startRelayProcess(["--max-memory", "16MiB"]);
  const streams = 200;
  const before = residentBytes(relay.pid);
  const large = JSON.stringify({ type: "token", content: "x".repeat(MiB) });
  const frames = concat(clientFrame(large), clientFrame(DONE));
  await using live = await RawSocket.webSocket(relay.port, "/produce/live");
  await live.send(TOKEN);
  for (let n = 0; n < streams; n++) {
    await using producer = await RawSocket.webSocket(relay.port, `/produce/job-${n}`);
    await producer.write(frames);
    await producer.sendClose();
    assert.equal((await producer.closed()).code, 1000);
  }
  const grown = residentBytes(relay.pid) - before;
  assert.ok(grown < streams / 2 * MiB, `grown by ${grown} bytes`);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/live");
  assert.equal(await consumer.message(), TOKEN);
  await using newest = await RawSocket.webSocket(relay.port, `/consume/job-${streams - 1}`);
  assert.deepEqual((await newest.messages()).texts, [large, DONE]);
  await using oldest = await RawSocket.webSocket(relay.port, "/consume/job-0");
  await using again = await RawSocket.webSocket(relay.port, "/produce/job-0");
  await again.send('"again"', DONE);
  assert.deepEqual((await oldest.messages()).texts, ['"again"', DONE]);
});
