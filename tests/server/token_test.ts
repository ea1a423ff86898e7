/** Tokens at a relay's WebSockets: what they open, and that nothing gets past while they are being checked. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { mintToken, type TokenOptions } from "../../src/relay/token.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { exchange, RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { activeChannels } from "../helpers/relay_state.ts";
import { ResumableClient, type Said } from "../helpers/resumable_client.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const SECRET = "a secret of more than thirty-two bytes";
const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';
const HOLDERS = ["nonce-of-the-first-one", "nonce-of-another-one"];

const relay = sharedRelay([], { RELAY_SECRET: SECRET }, { Authorization: `Bearer ${SECRET}` });

function mint(channel: string, options: Partial<TokenOptions> = {}): Promise<string> {
  return mintToken(SECRET, { channel, roles: ["consume"], ttlMs: 600_000, ...options });
}

function closed(reason: string) {
  return { code: 4003, reason };
}

/** A plain connection that shows its credential in each of the ways there are. */
const WAYS: Record<string, (path: string, token: string) => Promise<RawSocket>> = {
  "the Authorization header": (path, token) =>
    RawSocket.webSocket(relay.port, path, { Authorization: `Bearer ${token}` }),
  "?token=": (path, token) => RawSocket.webSocket(relay.port, `${path}?token=${token}`),
  "?secret=": (path, token) => RawSocket.webSocket(relay.port, `${path}?secret=${token}`),
  "the first message": async (path, token) => {
    const socket = await RawSocket.webSocket(relay.port, path);
    await socket.send(JSON.stringify({ type: "auth", secret: token }));
    return socket;
  },
};

/** Resolves when a client was let in: while its token is being checked nothing is read from it, a ping neither. */
async function letIn(client: RawSocket): Promise<void> {
  await client.write(clientFrame("", { opcode: 9 }));
  assert.equal((await client.frame())?.opcode, 10);
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`a token in ${way} lets in to what it is for`, async () => {
    const id = crypto.randomUUID();
    await using consumer = await connect(`/consume/${id}`, await mint(id));
    await letIn(consumer);
    await using producer = await connect(`/produce/${id}`, await mint(id, { roles: ["produce"] }));
    await producer.send(TOKEN, DONE);
    assert.deepEqual((await consumer.messages()).texts, [TOKEN, DONE]);
  });

  Deno.test(`a token in ${way} for something else is closed 4003 with the reason`, async () => {
    const token = await mint("job-7");
    await using produce = await connect("/produce/job-7", token);
    assert.deepEqual(await produce.closed(), closed("token does not allow to produce"));
    await using other = await connect("/consume/job-8", token);
    assert.deepEqual(await other.closed(), closed("token is for another channel"));
    const expired = await mint("job-7", { now: Date.now() - 3_600_000 });
    await using late = await connect("/consume/job-7", expired);
    assert.deepEqual(await late.closed(), closed("token has expired"));
    await relay.nothingLeaks();
  });
}

Deno.test("nothing that comes behind a bad token, in the same bytes, gets anywhere", async () => {
  const id = crypto.randomUUID();
  await using consumer = await WAYS["?token="](`/consume/${id}`, await mint(id));
  await letIn(consumer);
  const bad = [JSON.stringify({ type: "auth", secret: await mint(id) }), TOKEN, DONE];
  await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
  await producer.write(concat(...bad.map((text) => clientFrame(text))));
  assert.deepEqual(await producer.closed(), closed("token does not allow to produce"));
  await using good = await WAYS["?token="](
    `/produce/${id}`,
    await mint(id, { roles: ["produce"] }),
  );
  await good.send('"good"', DONE);
  assert.deepEqual((await consumer.messages()).texts, ['"good"', DONE]);
});

Deno.test("everything that comes behind a good token, in the same bytes, gets there, large as it may be", async () => {
  const id = crypto.randomUUID();
  await using consumer = await WAYS["?token="](`/consume/${id}`, await mint(id));
  await letIn(consumer);
  const large = JSON.stringify({ type: "token", content: "x".repeat(20_000) });
  const auth = JSON.stringify({ type: "auth", secret: await mint(id, { roles: ["produce"] }) });
  await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
  await producer.send(auth, large, TOKEN, DONE);
  assert.deepEqual((await consumer.messages()).texts, [large, TOKEN, DONE]);
});

Deno.test("who leaves while a token is being checked leaves nothing behind", async () => {
  const auth = JSON.stringify({ type: "auth", secret: await mint("job-7") });
  for (let n = 0; n < 20; n++) {
    await using socket = await RawSocket.webSocket(relay.port, "/consume/job-7");
    await socket.send(auth);
  }
  await relay.nothingLeaks();
});

Deno.test("the token of a resumable client may come with the handshake or with the hello", async () => {
  const id = crypto.randomUUID();
  const consume = await mint(id);
  const produce = await mint(id, { roles: ["produce"] });
  await using byHeader = await ResumableClient.connect(relay.port, `/consume/${id}`, {
    Authorization: `Bearer ${consume}`,
  });
  await byHeader.send({ type: "hello", role: "consume" });
  await using byHello = await ResumableClient.consume(relay.port, id, { credential: consume });
  await using producer = await ResumableClient.produce(relay.port, id, {
    epoch: "run-1",
    credential: produce,
  });
  await producer.expect("welcome");
  await producer.data(0, [TOKEN]);
  for (const consumer of [byHeader, byHello]) {
    await consumer.expect("welcome");
    await consumer.expect("begin");
    assert.deepEqual(await consumer.lines(1), [TOKEN]);
  }
});

Deno.test("data sent along with the hello waits for the token to be checked", async () => {
  const id = crypto.randomUUID();
  await using producer = await ResumableClient.connect(relay.port, `/produce/${id}`);
  const credential = await mint(id, { roles: ["produce"] });
  const hello = { type: "hello", role: "produce", epoch: "run-1", first: 0, next: 0, credential };
  await producer.send(hello);
  await producer.data(0, [TOKEN]);
  await producer.send({ type: "end", next: 1, status: "done" });
  await producer.expect("welcome");
  await producer.acknowledgedEnd(1);
});

Deno.test("a token for one use lets the same run resume, and no other", async () => {
  const id = crypto.randomUUID();
  const credential = await mint(id, { roles: ["produce"], maxUses: 1 });
  const claim = { epoch: "run-1", credential };
  {
    await using first = await ResumableClient.produce(relay.port, id, claim);
    await first.expect("welcome");
    await first.data(0, [TOKEN]);
    await first.acknowledged(1);
  }
  await using thief = await ResumableClient.produce(relay.port, id, { ...claim, epoch: "run-2" });
  assert.deepEqual(await thief.socket.closed(), closed("token is used already"));
  await using resumed = await ResumableClient.produce(relay.port, id, { ...claim, next: 1 });
  assert.equal((await resumed.expect("welcome")).next, 1);
});

Deno.test("a consumer's token for one use lets the same holder come back, and no other", async () => {
  const id = crypto.randomUUID();
  const credential = await mint(id, { maxUses: 1 });
  const [holder, other] = HOLDERS;
  {
    await using first = await ResumableClient.consume(relay.port, id, { credential, holder });
    await first.expect("welcome");
  }
  await using again = await ResumableClient.consume(relay.port, id, { credential, holder });
  await again.expect("welcome");
  for (const wish of [{ credential }, { credential, holder: other }]) {
    await using thief = await ResumableClient.consume(relay.port, id, wish);
    assert.deepEqual(await thief.socket.closed(), closed("token is used already"));
  }
});

Deno.test("a producer's nonce goes before its epoch, which readers know", async () => {
  const id = crypto.randomUUID();
  const credential = await mint(id, { roles: ["produce"], maxUses: 1 });
  const hello = { type: "hello", role: "produce", epoch: "run-1", first: 0, next: 0, credential };
  await using first = await ResumableClient.connect(relay.port, `/produce/${id}`);
  await first.send({ ...hello, holder: HOLDERS[0] });
  await first.expect("welcome");
  for (const thief of [hello, { ...hello, holder: HOLDERS[1] }]) {
    await using second = await ResumableClient.connect(relay.port, `/produce/${id}`);
    await second.send(thief);
    assert.deepEqual(await second.socket.closed(), closed("token is used already"));
  }
});

Deno.test("a use is not lost to a channel that has a producer", async () => {
  const id = crypto.randomUUID();
  const credential = await mint(id, { roles: ["produce"], maxUses: 1 });
  {
    await using first = await WAYS["the first message"](`/produce/${id}`, SECRET);
    await first.send(TOKEN);
    await letIn(first);
    await using second = await WAYS["the Authorization header"](`/produce/${id}`, credential);
    assert.equal((await second.closed()).code, 4001);
    await first.send(DONE);
    await first.sendClose();
    await first.closed();
  }
  await using third = await WAYS["the Authorization header"](`/produce/${id}`, credential);
  await letIn(third);
  await using consumer = await WAYS["?token="](`/consume/${id}`, await mint(id));
  await letIn(consumer);
  await third.send('"mine"', DONE);
  assert.deepEqual((await consumer.messages()).texts, ['"mine"', DONE]);
});

Deno.test("a token to cancel cancels and shows nothing of the stream", async () => {
  const id = crypto.randomUUID();
  const credential = await mint(id, { roles: ["cancel"] });
  await using producer = await ResumableClient.produce(relay.port, id, {
    epoch: "run-1",
    credential: SECRET,
  });
  await producer.expect("welcome");
  await producer.data(0, [TOKEN]);
  await producer.acknowledged(1);
  await using reader = await ResumableClient.consume(relay.port, id, { credential });
  assert.deepEqual(await reader.socket.closed(), closed("token does not allow to consume"));
  await using canceller = await ResumableClient.connect(relay.port, `/consume/${id}`);
  await canceller.send({ type: "hello", role: "cancel", credential });
  await canceller.send({ type: "cancel" });
  await producer.expect("cancel");
  await producer.data(1, [TOKEN]);
  await producer.send({ type: "end", next: 2, status: "cancelled" });
  const said: Said[] = [];
  do said.push(await canceller.next()); while (said.at(-1)!.type !== "close");
  assert.deepEqual(said.map(({ type }) => type), [
    "welcome",
    "begin",
    "cancelling",
    "end",
    "close",
  ]);
});

Deno.test("a token to consume does not cancel", async () => {
  const id = crypto.randomUUID();
  await using producer = await ResumableClient.produce(relay.port, id, {
    epoch: "run-1",
    credential: SECRET,
  });
  await producer.expect("welcome");
  await using consumer = await ResumableClient.consume(relay.port, id, {
    credential: await mint(id),
  });
  await consumer.expect("welcome");
  await consumer.expect("begin");
  await consumer.send({ type: "cancel" });
  assert.deepEqual(await consumer.expect("cancelling"), {
    type: "cancelling",
    reached: false,
    reason: "the token does not allow to cancel",
  });
});

const BAD_QUERIES: [query: string, reason: string][] = [
  ["token=a&token=b", "token is given more than once"],
  ["secret=a&secret=b", "secret is given more than once"],
  ["token=", "token is empty"],
  [`holder=${HOLDERS[0]}&holder=${HOLDERS[0]}`, "holder is given more than once"],
  ["holder=short", "holder is not 16 to 64 of A-Z a-z 0-9 _ -"],
  [`holder=${"x".repeat(65)}`, "holder is not 16 to 64 of A-Z a-z 0-9 _ -"],
  ["holder=", "holder is empty"],
];

for (const [query, reason] of BAD_QUERIES) {
  Deno.test(`?${query.slice(0, 40)} is told by WebSocket and by HTTP: ${reason}`, async () => {
    // a good credential beside it makes it no better
    const headers = { Authorization: `Bearer ${SECRET}` };
    await using plain = await RawSocket.webSocket(relay.port, `/consume/job-7?${query}`, headers);
    assert.deepEqual(await plain.closed(), { code: 4002, reason });
    await using client = await ResumableClient.connect(
      relay.port,
      `/consume/job-7?${query}`,
      headers,
    );
    assert.deepEqual(await client.socket.closed(), { code: 4002, reason });
    const text = request(`GET /consume/job-7?${query}`, { Host: "localhost", ...headers });
    const { status, body } = await exchange(relay.port, text);
    assert.deepEqual([status, JSON.parse(body)], [400, {
      error: { code: "bad_request", message: reason },
    }]);
  });
}

Deno.test("a credential may be long, and a wrong one is wrong however long it is, wherever it is shown", async () => {
  const secret = "s".repeat(4_000);
  await using own = await startRelayProcess([], { RELAY_SECRET: secret });
  for (const [shown, status, code] of [[secret, 200, 1000], [`${secret}x`, 401, 4003]] as const) {
    const ways: [string, Record<string, string>][] = [
      ["", { Authorization: `Bearer ${shown}` }],
      [`?token=${shown}`, {}],
      [`?secret=${shown}`, {}],
    ];
    for (const [query, headers] of ways) {
      const text = request(`HEAD /consume/c${query}`, { Host: "localhost", ...headers });
      assert.equal((await exchange(own.port, text)).status, status, query.slice(0, 8));
      await using socket = await RawSocket.webSocket(own.port, `/consume/c${query}`, headers);
      if (code === 1000) await socket.sendClose();
      assert.equal((await socket.closed()).code, code, query.slice(0, 8));
    }
  }
});

Deno.test("a relay without a secret asks for no token, and minds none", async () => {
  await using open = await startRelay({ port: 0 });
  await using consumer = await RawSocket.webSocket(open.port, "/consume/job-7?token=whatever");
  await letIn(consumer);
  assert.equal(await activeChannels(open.port), 1);
});

Deno.test("the relay's log names the reasons of refusals, and no token", () => {
  const log = relay.stderr();
  assert.match(log, /refused: token does not allow to produce/);
  assert.doesNotMatch(log, /eyJ|thirty-two/);
});

Deno.test("a reader who is told by HTTP that nothing more will come keeps the use of its token", async () => {
  await using retaining = await startRelay({ port: 0, secret: SECRET });
  const id = crypto.randomUUID();
  const url = `http://127.0.0.1:${retaining.port}`;
  const sent = await fetch(`${url}/produce/${id}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${SECRET}`, "Content-Type": "application/x-ndjson" },
    body: `${TOKEN}\n${DONE}\n`,
  });
  assert.equal(sent.status, 200, await sent.text());
  const token = await mint(id, { maxUses: 1 });
  const read = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/consume/${id}`, {
      headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream", ...headers },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const master = { Authorization: `Bearer ${SECRET}` };
  const end = (await read(master)).text.match(/^id: *(.*:end)$/m)![1];
  for (let i = 0; i < 3; i++) assert.equal((await read({ "Last-Event-ID": end })).status, 204);
  assert.match((await read()).text, /"content":"Hi"/);
  assert.equal((await read()).status, 403);
});
