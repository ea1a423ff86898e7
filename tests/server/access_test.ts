/** The secret of a relay: three ways to show it, and what happens without. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { startRelay } from "../../src/mod.ts";
import { clientFrame, fragments } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { activeChannels, channelsBecome } from "../helpers/relay_state.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const SECRET = "pass phrase of five words/+?";
const REFUSED = { code: 4003, reason: ERRORS.unauthorized.text };
const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';

const relay = sharedRelay([], { RELAY_SECRET: SECRET }, { Authorization: `Bearer ${SECRET}` });

function auth(secret: unknown): string {
  return JSON.stringify({ type: "auth", secret });
}

/** A connection that shows `secret` in each of the three ways. */
const WAYS: Record<string, (path: string, secret: string) => Promise<RawSocket>> = {
  "the Authorization header": (path, secret) =>
    RawSocket.webSocket(relay.port, path, { Authorization: `Bearer ${secret}` }),
  "the query": (path, secret) =>
    RawSocket.webSocket(relay.port, `${path}?secret=${encodeURIComponent(secret)}`),
  "the first message": async (path, secret) => {
    const socket = await RawSocket.webSocket(relay.port, path);
    await socket.send(auth(secret));
    return socket;
  },
};

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`the right secret in ${way} lets a producer and a consumer in`, async () => {
    const id = crypto.randomUUID();
    await using consumer = await connect(`/consume/${id}`, SECRET);
    await using producer = await connect(`/produce/${id}`, SECRET);
    await producer.send(TOKEN, DONE);
    assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
  });

  for (const role of ["produce", "consume"]) {
    Deno.test(`a wrong secret in ${way} is closed 4003 (${role})`, async () => {
      await using socket = await connect(`/${role}/job-7`, "wrong");
      assert.deepEqual(await socket.closed(), REFUSED);
      await relay.nothingLeaks();
    });
  }
}

const BAD_FIRST_MESSAGES: Record<string, string> = {
  "a token": TOKEN,
  "no JSON": "auth",
  "no object": "null",
  "an auth message without a secret": '{"type":"auth"}',
  "an empty secret": auth(""),
  "a secret that is no text": auth({ $ne: "" }),
  "a secret that begins like the right one": auth(SECRET.slice(0, -1)),
};

for (const [what, text] of Object.entries(BAD_FIRST_MESSAGES)) {
  for (const role of ["produce", "consume"]) {
    Deno.test(`${what} as the first message is closed 4003 (${role})`, async () => {
      await using socket = await RawSocket.webSocket(relay.port, `/${role}/job-7`);
      await socket.send(text, TOKEN);
      assert.deepEqual(await socket.closed(), REFUSED);
      await relay.nothingLeaks();
    });
  }
}

Deno.test("an Authorization of another scheme, say a proxy's, is neither a wrong secret nor a right one", async () => {
  const id = crypto.randomUUID();
  await using consumer = await WAYS["the query"](`/consume/${id}`, SECRET);
  const headers = { Authorization: `Basic ${btoa(`user:${SECRET}`)}` };
  await using right = await RawSocket.webSocket(relay.port, `/produce/${id}`, headers);
  await right.send(auth(SECRET), TOKEN, DONE);
  await using wrong = await RawSocket.webSocket(relay.port, `/consume/${id}`, headers);
  await wrong.send(TOKEN);
  assert.deepEqual(await wrong.closed(), REFUSED);
  assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
});

Deno.test("no channel exists before the secret is accepted", async () => {
  await channelsBecome(relay.port, 0);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-8");
  assert.equal(await activeChannels(relay.port), 0);
  await producer.send(auth(SECRET), TOKEN);
  await consumer.send(auth(SECRET));
  await producer.write(clientFrame("", { opcode: 9 }));
  await consumer.write(clientFrame("", { opcode: 9 }));
  await Promise.all([producer.frame(), consumer.frame()]); // pongs: all before was read
  assert.equal(await activeChannels(relay.port), 2);
});

Deno.test("a secret in pieces, frames and fragments, is read whole", async () => {
  const id = crypto.randomUUID();
  await using consumer = await WAYS["the query"](`/consume/${id}`, SECRET);
  await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
  const message = auth(SECRET);
  const frames = fragments([message.slice(0, 9), message.slice(9, 20), message.slice(20)]);
  for (const frame of frames) {
    for (const byte of frame) await producer.write(Uint8Array.of(byte));
  }
  await producer.send(TOKEN, DONE);
  assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
});

Deno.test("a first message larger than 8 KiB is refused from its header", async () => {
  await using socket = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await socket.write(clientFrame("", { announced: 8 * 1024 + 1 }));
  assert.deepEqual(await socket.closed(), { code: 1009, reason: ERRORS.too_big.text });
  await relay.nothingLeaks();
});

Deno.test("once the secret is accepted, messages may be larger than 8 KiB", async () => {
  const id = crypto.randomUUID();
  await using consumer = await WAYS["the query"](`/consume/${id}`, SECRET);
  const large = JSON.stringify({ type: "token", content: "x".repeat(100_000) });
  await using producer = await WAYS["the first message"](`/produce/${id}`, SECRET);
  await producer.send(large, DONE);
  assert.deepEqual((await consumer.messages()).texts, [large, DONE]);
});

for (const way of ["the Authorization header", "the query"]) {
  Deno.test(`an auth message is not forwarded after the secret came in ${way}`, async () => {
    const id = crypto.randomUUID();
    await using consumer = await WAYS[way](`/consume/${id}`, SECRET);
    await using producer = await WAYS[way](`/produce/${id}`, SECRET);
    await producer.send(auth(SECRET), TOKEN, DONE);
    assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
  });
}

Deno.test("an auth message is not forwarded where no secret is asked for", async () => {
  const id = crypto.randomUUID();
  await using open = await startRelay({ port: 0 });
  await using consumer = await RawSocket.webSocket(open.port, `/consume/${id}`);
  await using producer = await RawSocket.webSocket(open.port, `/produce/${id}`);
  await producer.send(auth("of another relay"), TOKEN, DONE);
  assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
});

for (const role of ["produce", "consume"]) {
  Deno.test(`a client that shows no secret in time is closed 4003 (${role})`, async () => {
    await using strict = await startRelay({ port: 0, secret: SECRET, authTimeoutMs: 100 });
    await using socket = await RawSocket.webSocket(strict.port, `/${role}/job-7`);
    await socket.write(clientFrame("", { opcode: 9 })); // a ping is no credential
    assert.equal((await socket.frame())?.opcode, 10);
    assert.deepEqual(await socket.closed(), REFUSED);
    assert.equal(await activeChannels(strict.port), 0);
  });

  Deno.test(`a client that has shown its secret is not timed out (${role})`, async () => {
    await using strict = await startRelay({ port: 0, secret: SECRET, authTimeoutMs: 100 });
    await using socket = await RawSocket.webSocket(strict.port, `/${role}/job-7`);
    await socket.send(auth(SECRET));
    await using late = await RawSocket.webSocket(strict.port, `/${role}/job-8`);
    assert.deepEqual(await late.closed(), REFUSED);
    await socket.write(clientFrame("", { opcode: 9 }));
    assert.equal((await socket.frame())?.opcode, 10);
  });
}

Deno.test("/health asks for no secret, neither by HTTP nor as a WebSocket", async () => {
  assert.equal(await activeChannels(relay.port), 0);
  await using socket = await RawSocket.webSocket(relay.port, "/health");
  assert.equal((await socket.messages()).close.code, 1000);
});
