/** Producers: one at a time, each ending told to the consumers as what it is. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { servesOthers } from "../helpers/relay_state.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const TOKEN = '{"type":"token","content":"Hi"}';
const ERROR = '{"type":"error","message":"no GPU left"}';
const DONE = '{"type":"done","usage":{}}';

const relay = sharedRelay();

/** A producer and a consumer of a channel of their own. */
async function pair() {
  const id = crypto.randomUUID();
  const consumer = await RawSocket.webSocket(relay.port, `/consume/${id}`);
  const producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
  return {
    id,
    consumer,
    producer,
    [Symbol.dispose]() {
      consumer.close();
      producer.close();
    },
  };
}

/** Texts as they are, but that of the relay's own `error`, whose code says enough. */
function withCodes(texts: string[]): string[] {
  return texts.map((text) =>
    text.startsWith('{"type":"error","code"') ? JSON.parse(text).code : text
  );
}

/** How a producer ends, what of it consumers get, and the reason in their close frame, whose code is 1000. */
const ENDINGS: Record<string, [(producer: RawSocket) => Promise<void>, string[], string]> = {
  "done": [(producer) => producer.send(TOKEN, DONE), [TOKEN, DONE], "done"],
  "done, said twice": [(producer) => producer.send(TOKEN, DONE, DONE), [TOKEN, DONE, DONE], "done"],
  "error": [
    async (producer) => {
      await producer.send(TOKEN, ERROR);
      await producer.sendClose();
    },
    [TOKEN, ERROR],
    "error",
  ],
  "error, then cut": [
    async (producer) => {
      await producer.send(TOKEN, ERROR);
      producer.close();
    },
    [TOKEN, ERROR],
    "error",
  ],
  "error and done": [
    (producer) => producer.send(TOKEN, ERROR, DONE),
    [TOKEN, ERROR, DONE],
    "error",
  ],
  "cut in mid-stream": [
    async (producer) => {
      await producer.send(TOKEN);
      producer.close();
    },
    [TOKEN, "lost"],
    "lost",
  ],
  "cut within a message": [
    async (producer) => {
      await producer.write(concat(clientFrame(TOKEN), clientFrame(TOKEN).subarray(0, 20)));
      producer.close();
    },
    [TOKEN, "lost"],
    "lost",
  ],
  "closed in good order, but without done": [
    async (producer) => {
      await producer.send(TOKEN);
      await producer.sendClose();
    },
    [TOKEN, "lost"],
    "lost",
  ],
  "half-closed TCP": [
    async (producer) => {
      await producer.send(TOKEN);
      await producer.closeWrite();
    },
    [TOKEN, "lost"],
    "lost",
  ],
  "left without a word": [
    // deno-lint-ignore require-await -- each ending is awaited, as others have to be sent
    async (producer) => producer.close(),
    ["lost"],
    "lost",
  ],
};

for (const [how, [end, texts, reason]] of Object.entries(ENDINGS)) {
  Deno.test(`a producer's ending reaches its consumers: ${how}`, async () => {
    using stream = await pair();
    await end(stream.producer);
    const got = await stream.consumer.messages();
    assert.deepEqual(withCodes(got.texts), texts);
    assert.deepEqual(got.close, { code: 1000, reason });
    stream[Symbol.dispose]();
    await relay.nothingLeaks();
  });
}

Deno.test("done is the end before the producer leaves, and a second done is no fault", async () => {
  using stream = await pair();
  await stream.producer.send(TOKEN, DONE);
  assert.deepEqual((await stream.consumer.messages()).texts, [TOKEN, DONE]);
  await stream.producer.send(DONE);
  await stream.producer.sendClose();
  assert.equal((await stream.producer.closed()).code, 1000);
});

Deno.test("a message after done is closed 4002", async () => {
  using stream = await pair();
  await stream.producer.send(DONE);
  assert.deepEqual((await stream.consumer.messages()).texts, [DONE]);
  await stream.producer.send(TOKEN);
  assert.deepEqual(await stream.producer.closed(), {
    code: 4002,
    reason: "message after the end of the stream",
  });
  await servesOthers(relay.port);
});

Deno.test("messages are carried byte for byte, whatever is in them", async () => {
  using stream = await pair();
  const odd = [
    "not JSON",
    '{"type":',
    "",
    "null",
    "[]",
    '  { "type" : "token" , "content" : "\\u00e9" }  ',
    '{"type":"future","n":1e400}',
    "\u0000\ufeff\u{1f30d}\u2028",
    "x".repeat(125),
    "x".repeat(126),
    "x".repeat(65_535),
    "x".repeat(65_536),
  ];
  await stream.producer.send(...odd, DONE);
  assert.deepEqual((await stream.consumer.messages()).texts, [...odd, DONE]);
});

Deno.test("a second producer is closed 4001 and the first one is not disturbed", async () => {
  using stream = await pair();
  await stream.producer.send(TOKEN);
  assert.equal(await stream.consumer.message(), TOKEN);
  await using second = await RawSocket.webSocket(relay.port, `/produce/${stream.id}`);
  await second.send('{"type":"token","content":"intruder"}', DONE);
  assert.deepEqual(await second.closed(), { code: 4001, reason: ERRORS.producer_exists.text });
  await stream.producer.send(TOKEN, DONE);
  assert.deepEqual((await stream.consumer.messages()).texts, [TOKEN, DONE]);
});

Deno.test("after a producer has left, another one begins the channel anew", async () => {
  await using keeping = await startRelayProcess();
  const { port } = keeping;
  const path = (role: string) => `/${role}/job-7`;
  await using first = await RawSocket.webSocket(port, path("produce"));
  await using reader = await RawSocket.webSocket(port, path("consume"));
  await first.send('"first"');
  assert.equal(await reader.message(), '"first"');
  first.close();
  assert.deepEqual(withCodes((await reader.messages()).texts), ["lost"]);

  await using second = await RawSocket.webSocket(port, path("produce"));
  await using late = await RawSocket.webSocket(port, path("consume"));
  await second.send('"second"', DONE);
  assert.deepEqual((await late.messages()).texts, ['"second"', DONE]);
});

Deno.test("a consumer in the middle of an ended stream gets its end, not the next stream", async () => {
  await using keeping = await startRelayProcess(["--max-buffer-bytes", "64MiB"]);
  const { port } = keeping;
  await using slow = await RawSocket.webSocket(port, "/consume/job-7");
  await using first = await RawSocket.webSocket(port, "/produce/job-7");
  const large = JSON.stringify({ type: "token", content: "x".repeat(500_000) });
  const texts = [...Array.from({ length: 40 }, () => large), DONE];
  await first.send(...texts);
  await first.sendClose();
  assert.equal((await first.closed()).code, 1000);
  await using second = await RawSocket.webSocket(port, "/produce/job-7");
  await second.send(TOKEN, DONE);
  await second.sendClose();
  assert.equal((await second.closed()).code, 1000);
  assert.deepEqual(await slow.messages(), { texts, close: { code: 1000, reason: "done" } });
  await using late = await RawSocket.webSocket(port, "/consume/job-7");
  assert.deepEqual((await late.messages()).texts, [TOKEN, DONE]);
});
