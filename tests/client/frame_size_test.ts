/** Frames of a producer, whatever it is given at a time, are such that a relay takes them. */

import assert from "node:assert/strict";
import { RelayConsumer, RelayProducer, startRelay } from "../../src/mod.ts";

Deno.test("any number of messages may be sent at a time", async () => {
  await using relay = await startRelay({ port: 0, maxBuffer: 1_000_000, maxBufferBytes: 2 ** 26 });
  const shared = { url: relay.url, channel: "job-7" };
  await using producer = await RelayProducer.connect(shared);
  const tokens = Array.from({ length: 300_000 }, (_, i) => `${i} `);
  await producer.sendAll(tokens.map((content) => ({ type: "token", content })));
  await producer.done();
  assert.ok(await new RelayConsumer(shared).collect() === tokens.join(""));
});

Deno.test("a relay's bound of a message is not one of many messages together", async () => {
  await using relay = await startRelay({ port: 0, maxMessageBytes: 1_000 });
  const shared = { url: relay.url, channel: "job-7" };
  await using producer = await RelayProducer.connect(shared);
  const text = "\n".repeat(60_000); // makes 1.8 MB of JSON
  await producer.sendText(new TextEncoder().encode(text));
  await producer.done();
  assert.ok(await new RelayConsumer(shared).collect() === text);
});

Deno.test("one message above the relay's bound is refused, however it is sent", async () => {
  await using relay = await startRelay({ port: 0, maxMessageBytes: 1_000 });
  const shared = { url: relay.url, channel: "job-7" };
  await using producer = await RelayProducer.connect(shared);
  await producer.sendToken("x".repeat(1_000));
  await assert.rejects(producer.done(), { name: "RelayError", code: "too_big" });
});
