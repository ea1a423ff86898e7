/** The bounds on what a producer may send a second: of the plain and the resumable protocol, and of HTTP. */

import assert from "node:assert/strict";
import { type Relay, startRelay } from "../../src/mod.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { mintToken } from "../../src/relay/token.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { servesOthers } from "../helpers/relay_state.ts";
import {
  controlFrame,
  dataFrame,
  produceHello,
  ResumableClient,
} from "../helpers/resumable_client.ts";
import { until } from "../helpers/within.ts";

const SECRET = "a secret of more than thirty-two bytes";
const CLAIMS = { channel: "job-7", roles: ["produce"] as const, ttlMs: 600_000 };
const DONE = '{"type":"done"}';
const NDJSON = "application/x-ndjson";
const ONE_A_SECOND = { port: 0, maxMessageRate: 1, pingIntervalMs: 600_000 };

const tokens = (count: number, from = 0) =>
  Array.from(
    { length: count },
    (_, n) => JSON.stringify({ type: "token", content: `${from + n}` }),
  );
const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });
const linesOf = (messages: string[]) => messages.map((message) => `${message}\n`).join("");
const framesOf = (messages: string[]) => concat(...messages.map((text) => clientFrame(text)));

/** How many messages of its current run a channel has taken. */
async function taken({ port }: Relay, channel: string, secret = ""): Promise<number> {
  const url = `http://127.0.0.1:${port}/produce/${channel}`;
  const { headers } = await fetch(url, { method: "HEAD", headers: bearer(secret) });
  return Number(headers.get("Stream-Next"));
}

/** Checks that nothing is taken beyond `count` messages, although the relay has long had the time: others are served. */
async function takesNoMore(relay: Relay, channel: string, count: number, secret = "") {
  await servesOthers(relay.port, bearer(secret));
  assert.equal(await taken(relay, channel, secret), count);
}

/** A request whose body goes on for as long as its socket. */
async function openBody(relay: Relay, channel: string, headers: Record<string, string>) {
  const socket = await RawSocket.connect(relay.port);
  await socket.write(request(`PUT /produce/${channel}`, {
    Host: "localhost",
    "Content-Type": NDJSON,
    "Transfer-Encoding": "chunked",
    ...headers,
  }));
  return socket;
}

const chunkOf = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** A resumable run that has sent `count` messages in one frame, all of which have landed. */
async function indebted(relay: Relay, count: number, credential?: string) {
  const claim = { epoch: "run-1", credential };
  const producer = await ResumableClient.produce(relay.port, "job-7", claim);
  await producer.expect("welcome");
  await producer.data(0, tokens(count));
  await producer.acknowledged(count);
  return producer;
}

for (const secret of [undefined, SECRET]) {
  const who = secret === undefined ? "a resumable producer" : "one with a token";
  Deno.test(`what ${who} owes, it owes after it has come back`, async () => {
    await using relay = await startRelay({ ...ONE_A_SECOND, secret });
    const credential = secret && await mintToken(secret, CLAIMS);
    const first = await indebted(relay, 1_000, credential);
    await first[Symbol.asyncDispose]();
    for (let times = 0; times < 3; times++) {
      await using again = await ResumableClient.connect(relay.port, "/produce/job-7");
      // not even what comes in one go with the hello is taken
      await again.write(
        controlFrame(produceHello({ epoch: "run-1", next: 1_000, credential })),
        dataFrame(1_000, tokens(500)),
      );
      assert.equal((await again.expect("welcome")).next, 1_000);
      await takesNoMore(relay, "job-7", 1_000, secret);
    }
  });
}

Deno.test("another run owes what the one before it owed", async () => {
  await using relay = await startRelay(ONE_A_SECOND);
  await using first = await indebted(relay, 1_000);
  await first.send({ type: "end", next: 1_000, status: "done" });
  await first.acknowledgedEnd(1_000);
  await using second = await ResumableClient.produce(relay.port, "job-7", { epoch: "run-2" });
  await second.expect("welcome");
  await second.data(0, tokens(1));
  await takesNoMore(relay, "job-7", 0);
});

Deno.test("a plain producer that connects anew owes what it owed", async () => {
  await using relay = await startRelay(ONE_A_SECOND);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await using first = await RawSocket.webSocket(relay.port, "/produce/job-7");
  const messages = [...tokens(60), DONE];
  await first.write(framesOf(messages));
  assert.deepEqual((await consumer.messages()).texts, messages);
  await first.sendClose();
  assert.equal((await first.closed()).code, 1000);
  await using second = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await second.write(framesOf(tokens(60)));
  await takesNoMore(relay, "job-7", 0);
});

Deno.test("an HTTP producer that sends a request after the other owes what it owed", async () => {
  await using relay = await startRelay({ ...ONE_A_SECOND, resumeTimeoutMs: 60_000 });
  const run = { "Stream-Epoch": "run-1" };
  const first = await openBody(relay, "job-7", run);
  await first.write(chunkOf(linesOf(tokens(60))));
  await until(async () => await taken(relay, "job-7") === 60, "the first messages");
  first.close();
  for (let times = 0; times < 3; times++) {
    await using again = await openBody(relay, "job-7", { ...run, "Stream-Next": "60" });
    await again.write(chunkOf(linesOf(tokens(60))));
    await takesNoMore(relay, "job-7", 60);
  }
});

Deno.test("the end of a body is answered although much is owed", async () => {
  await using relay = await startRelay(ONE_A_SECOND);
  const answer = await fetch(`http://127.0.0.1:${relay.port}/produce/job-7`, {
    method: "PUT",
    body: linesOf(tokens(60)),
    headers: { "Content-Type": NDJSON },
  });
  assert.equal((await answer.json()).messages, 60);
  const next = await fetch(`http://127.0.0.1:${relay.port}/consume/job-7?format=ndjson`);
  assert.equal(await next.text(), linesOf([...tokens(60), DONE]));
});

Deno.test("the end of a resumable run, and pings before it, are answered although much is owed", async () => {
  await using relay = await startRelay(ONE_A_SECOND);
  await using producer = await indebted(relay, 1_000);
  await producer.write(clientFrame("still there?", { opcode: OPCODE.ping }));
  const pong = await producer.socket.frame();
  assert.equal(pong?.opcode, OPCODE.pong);
  assert.equal(new TextDecoder().decode(pong?.payload), "still there?");
  await producer.send({ type: "end", next: 1_000, status: "done" });
  await producer.acknowledgedEnd(1_000);
});

Deno.test("pings and the goodbye of a plain producer are answered although much is owed", async () => {
  await using relay = await startRelay(ONE_A_SECOND);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await producer.write(framesOf([...tokens(60), DONE]));
  await until(async () => await taken(relay, "job-7") === 61, "the messages");
  const ping = clientFrame("", { opcode: OPCODE.ping });
  await producer.write(ping.subarray(0, 3)); // a frame that has come in part is waited for
  await servesOthers(relay.port);
  await producer.write(ping.subarray(3));
  assert.equal((await producer.frame())?.opcode, OPCODE.pong);
  await producer.sendClose();
  assert.equal((await producer.closed()).code, 1000);
});

/** Bounds that a thousand messages exceed for about a second. */
const RATES = [{ maxMessageRate: 500 }, { maxByteRate: 16 * 1024 }];
const MANY = tokens(1_000);

for (const rate of RATES) {
  const option = Object.keys(rate)[0];
  Deno.test(`a plain producer above ${option} loses nothing`, async () => {
    await using relay = await startRelay({ port: 0, ...rate });
    await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7");
    await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
    await producer.write(framesOf([...MANY, DONE]));
    assert.deepEqual((await consumer.messages()).texts, [...MANY, DONE]);
  });

  Deno.test(`a resumable producer above ${option} loses nothing, though it comes back for each part`, async () => {
    await using relay = await startRelay({ port: 0, ...rate });
    await using consumer = await ResumableClient.consume(relay.port, "job-7");
    for (let at = 0; at < 1_000; at += 250) {
      const claim = { epoch: "run-1", next: at };
      await using producer = await ResumableClient.produce(relay.port, "job-7", claim);
      assert.equal((await producer.expect("welcome")).next, at);
      await producer.data(at, MANY.slice(at, at + 250));
      if (at === 750) await producer.send({ type: "end", next: 1_000, status: "done" });
      await producer.acknowledged(at + 250);
    }
    assert.deepEqual((await consumer.collect()).lines, MANY);
  });

  Deno.test(`an HTTP producer above ${option} loses nothing, though its body has come before it is taken`, async () => {
    await using relay = await startRelay({ port: 0, ...rate });
    for (const run of ["run-1", "run-2"]) {
      const answer = await fetch(`http://127.0.0.1:${relay.port}/produce/job-7`, {
        method: "PUT",
        body: linesOf(MANY),
        headers: { "Content-Type": NDJSON, "Stream-Epoch": run },
      });
      assert.equal((await answer.json()).messages, 1_000);
    }
    const read = await fetch(`http://127.0.0.1:${relay.port}/consume/job-7?format=ndjson`);
    assert.equal(await read.text(), linesOf([...MANY, DONE]));
  });
}

Deno.test("a producer that is slowed down can be left and drained at once", async () => {
  const relay = await startRelay({ port: 0, maxMessageRate: 1 });
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7");
  const many = framesOf(tokens(1_000));
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7");
  await producer.write(many);
  assert.equal(await consumer.message(), tokens(1)[0]);
  await using gone = await RawSocket.webSocket(relay.port, "/produce/job-8");
  await gone.write(many);
  gone.close();
  const stopped = relay.stop();
  assert.equal((await producer.messages()).close.code, 1001);
  producer.close();
  consumer.close();
  await stopped;
});
