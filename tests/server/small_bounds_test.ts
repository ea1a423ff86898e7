/** Logs with small bounds: who keeps up misses nothing, however much a producer sends in one go. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";

const DONE = '{"type":"done"}';

const BOUNDS = [
  { name: "10,000 messages", limits: { maxBuffer: 10_000 }, count: 60_000, size: 4 },
  { name: "50 messages", limits: { maxBuffer: 50 }, count: 20_000, size: 12 },
  { name: "128 KiB", limits: { maxBufferBytes: 128 * 1024 }, count: 3_000, size: 1_000 },
  { name: "256 KiB", limits: { maxBufferBytes: 256 * 1024 }, count: 1_000, size: 4_000 },
  { name: "2 KiB", limits: { maxBufferBytes: 2 * 1024 }, count: 2_000, size: 900 },
];

/** Texts of `size` characters, each another one. */
function messages(count: number, size: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i).padStart(size, "0"));
}

for (const { name, limits, count, size } of BOUNDS) {
  Deno.test(`a reader of a log of ${name} gets all that a plain producer sends in one go`, async () => {
    await using relay = await startRelay({ port: 0, ...limits });
    const id = crypto.randomUUID();
    await using reader = await RawSocket.webSocket(relay.port, `/consume/${id}`);
    await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
    const texts = [...messages(count, size), DONE];
    const reading = reader.messages();
    await producer.write(concat(...texts.map((text) => clientFrame(text))));
    assert.deepEqual((await reading).texts, texts);
  });
}

Deno.test("a reader of a small log gets all that an HTTP producer sends in one go", async () => {
  await using relay = await startRelay({ port: 0, maxBuffer: 1_000 });
  const url = `http://127.0.0.1:${relay.port}`;
  const id = crypto.randomUUID();
  const texts = messages(20_000, 4).map((content) => JSON.stringify({ type: "token", content }));
  const reading = (await fetch(`${url}/consume/${id}?format=ndjson`)).text();
  const sent = await fetch(`${url}/produce/${id}`, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson" },
    body: texts.join("\n"),
  });
  assert.equal(sent.status, 200, await sent.text());
  const got = (await reading).split("\n").filter((line) => line.includes('"token"'));
  assert.deepEqual(got.map((line) => JSON.parse(line).content), messages(20_000, 4));
});
