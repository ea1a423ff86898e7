/** Producers of version 2: what a relay takes from them, what it refuses and why, and that a refusal harms no run. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { type RelayOptions, startRelay } from "../../src/mod.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { activeChannels } from "../helpers/relay_state.ts";
import {
  binaryFrame,
  type Claim,
  controlFrame,
  dataFrame,
  dataPayload,
  produceHello,
  ResumableClient,
  type Said,
} from "../helpers/resumable_client.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const THREE = ['{"n":0}', '{"n":1}', '{"n":2}'];
const TWO_MORE = ['{"n":3}', '{"n":4}'];
const ALL = [...THREE, ...TWO_MORE];
const SECRET = "pass phrase of five words/+?";
const BINARY = 2;
/** A limit of 10 MiB, as by default, and the number and the newline of a data frame. */
const LARGEST_FRAME = 10 * 1024 * 1024 + 9;

const relay = sharedRelay();

function produce(id: string, claim: Claim): Promise<ResumableClient> {
  return ResumableClient.produce(relay.port, id, claim);
}

function consume(id: string, wish?: Record<string, unknown>): Promise<ResumableClient> {
  return ResumableClient.consume(relay.port, id, wish);
}

/** A channel of its own with a run of three messages that the relay has, and a consumer that has read them. */
async function run(epoch = "run-1") {
  const id = crypto.randomUUID();
  const reader = await consume(id);
  assert.equal((await reader.expect("welcome")).state, "waiting");
  const producer = await produce(id, { epoch });
  assert.equal((await producer.expect("welcome")).next, 0);
  await producer.data(0, THREE);
  await producer.acknowledged(3);
  assert.deepEqual(await reader.expect("begin"), { type: "begin", epoch, from: 0, next: 0 });
  assert.deepEqual(await reader.lines(3), THREE);
  return {
    id,
    epoch,
    reader,
    producer,
    [Symbol.dispose]() {
      reader.close();
      producer.close();
    },
  };
}

type Run = Awaited<ReturnType<typeof run>>;

/** The producer of `run` sends the rest and ends; its reader, and one that comes now, get all of it. */
async function goesOn({ id, reader, producer }: Run, away: Said[] = []): Promise<void> {
  const late = await consume(id);
  await late.expect("welcome");
  assert.equal((await late.expect("begin")).from, 0);
  assert.deepEqual(await late.lines(3), THREE);
  await producer.data(3, TWO_MORE);
  await producer.send({ type: "end", next: 5, status: "done" });
  const end = { type: "end", next: 5, status: "done" };
  const close = { code: 1000, reason: "done" };
  assert.deepEqual(await late.collect(), { lines: TWO_MORE, controls: [end], close });
  assert.deepEqual(await reader.collect(), { lines: TWO_MORE, controls: [...away, end], close });
  late.close();
}

/** Waits until the reader is told that its producer is away. */
async function awaitAway({ reader }: Pick<Run, "reader">): Promise<void> {
  assert.deepEqual(await reader.expect("producer"), { type: "producer", state: "away" });
}

/** The producer comes back with all it has. */
async function resumed({ id, epoch }: Run, claim: Partial<Claim> = {}): Promise<ResumableClient> {
  const producer = await produce(id, { epoch, next: 5, ...claim });
  const { type, next } = await producer.next();
  assert.deepEqual({ type, next }, { type: "welcome", next: 3 });
  return producer;
}

const HELLO = produceHello({ epoch: "run-2" });

/** What a producer may not begin with: the frame, the close code, the reason. */
const BAD_BEGINNINGS: Record<string, [Uint8Array, number, string]> = {
  "an unknown type": [
    controlFrame('{"type":"dance"}'),
    4002,
    "unknown type of control message",
  ],
  "a token, as in version 1": [
    controlFrame('{"type":"token","content":"Hi"}'),
    4002,
    "unknown type of control message",
  ],
  "no JSON": [controlFrame("hello"), 4002, "control message is not JSON"],
  "an empty text": [controlFrame(""), 4002, "control message is not JSON"],
  "null": [controlFrame("null"), 4002, "control message is no object"],
  "a number": [controlFrame("7"), 4002, "control message is no object"],
  "an array": [controlFrame("[]"), 4002, "unknown type of control message"],
  "an end": [
    controlFrame({ type: "end", next: 0, status: "done" }),
    4002,
    "the first message must be a hello",
  ],
  "data": [dataFrame(0, THREE), 4002, "data before the hello"],
  "a binary frame without anything": [
    binaryFrame(new Uint8Array(0)),
    4002,
    "data before the hello",
  ],
  "no UTF-8": [clientFrame(Uint8Array.of(0x22, 0xff, 0x22)), 1007, ERRORS.bad_text.text],
  "a hello of more than 8 KiB": [
    controlFrame({ ...HELLO, more: "x".repeat(8 * 1024) }),
    1009,
    ERRORS.too_big.text,
  ],
  "a consumer's hello": [
    controlFrame({ type: "hello", role: "consume" }),
    4002,
    "hello: role does not fit /produce/",
  ],
  "a hello of another role": [
    controlFrame({ ...HELLO, role: "watch" }),
    4002,
    "hello: role is not produce, consume or cancel",
  ],
  "a hello without a role": [
    controlFrame({ ...HELLO, role: undefined }),
    4002,
    "hello: role is not produce, consume or cancel",
  ],
  "first beyond next": [
    controlFrame({ ...HELLO, first: 2, next: 1 }),
    4002,
    "hello: first is beyond next",
  ],
  "a credential that is no text": [
    controlFrame({ ...HELLO, credential: 7 }),
    4002,
    "hello: credential is no text",
  ],
};

for (const epoch of [undefined, null, 7, "", "run 1", "run:1", "../x", "é", "x".repeat(65)]) {
  BAD_BEGINNINGS[`the epoch ${JSON.stringify(epoch)?.slice(0, 12)}`] = [
    controlFrame({ ...HELLO, epoch }),
    4002,
    "hello: epoch is not 1 to 64 characters of A-Z a-z 0-9 _ -",
  ];
}

for (const name of ["first", "next"]) {
  for (const value of [undefined, null, "0", -1, 0.5, 2 ** 53, [], true]) {
    BAD_BEGINNINGS[`${name} = ${JSON.stringify(value)}`] = [
      controlFrame({ ...HELLO, first: 0, next: 2 ** 53 - 1, [name]: value }),
      4002,
      `hello: ${name} is no whole number from 0 on`,
    ];
  }
}

for (const [what, [frame, code, reason]] of Object.entries(BAD_BEGINNINGS)) {
  Deno.test(`a producer that begins with ${what} is closed ${code}, and harms no run`, async () => {
    using stream = await run();
    await using bad = await ResumableClient.connect(relay.port, `/produce/${stream.id}`);
    await bad.write(frame);
    assert.deepEqual(await bad.closed(), { code, reason });
    await goesOn(stream);
    stream[Symbol.dispose]();
    await relay.nothingLeaks();
  });
}

/** What a producer may not say after its hello and three messages. */
const BAD_MESSAGES: Record<string, [Uint8Array, number, string]> = {
  "a second hello": [
    controlFrame(produceHello({ epoch: "run-1", next: 3 })),
    4002,
    "unexpected hello of a producer",
  ],
  "a hello as a consumer": [
    controlFrame({ type: "hello", role: "consume" }),
    4002,
    "unexpected hello of a producer",
  ],
  "an unknown type": [
    controlFrame({ type: "dance" }),
    4002,
    "unknown type of control message",
  ],
  "a forged ack": [
    controlFrame({ type: "ack", next: 5 }),
    4002,
    "unknown type of control message",
  ],
  "a forged welcome": [
    controlFrame({ type: "welcome", epoch: "run-1", next: 0, window: 9 }),
    4002,
    "unknown type of control message",
  ],
  "text where data is expected": [
    controlFrame('{"type":"token","content":"Hi"}'),
    4002,
    "unknown type of control message",
  ],
  "a whole data frame as text": [
    clientFrame(dataPayload(3, '{"n":3}\n')),
    4002,
    "control message is not JSON",
  ],
  "a cancel": [controlFrame({ type: "cancel" }), 4003, "a producer may not cancel"],
  "a control message of more than 8 KiB": [
    controlFrame({ type: "end", next: 3, status: "done", more: "x".repeat(8 * 1024) }),
    4002,
    "control message is too long",
  ],
  "the last message again": [dataFrame(2, ['{"n":2}']), 4002, "data from message 2: 3 is next"],
  "all messages again": [dataFrame(0, ALL), 4002, "data from message 0: 3 is next"],
  "a message too far": [dataFrame(4, ['{"n":4}']), 4002, "data from message 4: 3 is next"],
  "a number above 2^32": [
    dataFrame(2 ** 32 + 3, ['{"n":3}']),
    4002,
    "data from message 4294967299: 3 is next",
  ],
  "a number above 2^53": [
    dataFrame(2n ** 53n, ['{"n":3}']),
    4002,
    "number of the data frame is beyond 2^53",
  ],
  "a number with the highest bit": [
    dataFrame(2n ** 63n + 3n, ['{"n":3}']),
    4002,
    "number of the data frame is beyond 2^53",
  ],
  "an empty data frame": [binaryFrame(new Uint8Array(0)), 4002, "data frame without a line"],
  "half a number": [binaryFrame(new Uint8Array(7)), 4002, "data frame without a line"],
  "a number without a line": [
    binaryFrame(dataPayload(3, "")),
    4002,
    "data frame without a line",
  ],
  "a line without its newline": [
    binaryFrame(dataPayload(3, '{"n":3}')),
    4002,
    "data frame without a newline at its end",
  ],
  "two lines, the last one without its newline": [
    binaryFrame(dataPayload(3, '{"n":3}\n{"n":4}')),
    4002,
    "data frame without a newline at its end",
  ],
  "a line that is no UTF-8": [
    binaryFrame(concat(dataPayload(3, ""), Uint8Array.of(0x22, 0xc3, 0x22, 0x0a))),
    1007,
    ERRORS.bad_text.text,
  ],
  "an end before its messages": [
    controlFrame({ type: "end", next: 5, status: "done" }),
    4002,
    "end after 5 messages: 3 are here",
  ],
  "an end that denies a message": [
    controlFrame({ type: "end", next: 2, status: "done" }),
    4002,
    "end after 2 messages: 3 are here",
  ],
  "an end without a number": [
    controlFrame({ type: "end", status: "done" }),
    4002,
    "end: next is no whole number from 0 on",
  ],
  "an end without a status": [
    controlFrame({ type: "end", next: 3 }),
    4002,
    "end: status is not done, error or cancelled",
  ],
  "an end that only a relay may state": [
    controlFrame({ type: "end", next: 3, status: "lost" }),
    4002,
    "end: status is not done, error or cancelled",
  ],
  "data larger than a message may be": [
    clientFrame("", { opcode: BINARY, announced: LARGEST_FRAME + 1 }),
    1009,
    ERRORS.too_big.text,
  ],
};

for (const [what, [frame, code, reason]] of Object.entries(BAD_MESSAGES)) {
  Deno.test(`a producer that sends ${what} is closed ${code}, and may resume`, async () => {
    using stream = await run();
    await stream.producer.write(frame);
    assert.deepEqual(await stream.producer.closed(), { code, reason });
    await awaitAway(stream);
    await using producer = await resumed(stream);
    await goesOn({ ...stream, producer }, [{ type: "producer", state: "live" }]);
    stream[Symbol.dispose]();
    producer.close();
    await relay.nothingLeaks();
  });
}

Deno.test("what came right before a bad frame, in one packet, is kept", async () => {
  using stream = await run();
  await stream.producer.write(dataFrame(3, ['{"n":3}']), dataFrame(5, ['{"n":5}']));
  const reason = "data from message 5: 4 is next";
  assert.deepEqual(await stream.producer.closed(), { code: 4002, reason });
  assert.deepEqual(await stream.reader.lines(1), ['{"n":3}']);
  await awaitAway(stream);
  await using producer = await produce(stream.id, { epoch: "run-1", next: 5 });
  assert.equal((await producer.expect("welcome")).next, 4);
});

Deno.test("what follows a bad frame, in one packet, is not taken", async () => {
  using stream = await run();
  const rest = [dataFrame(3, TWO_MORE), controlFrame({ type: "end", next: 5, status: "error" })];
  await stream.producer.write(controlFrame("{}"), ...rest);
  assert.equal((await stream.producer.closed()).code, 4002);
  await awaitAway(stream);
  await using producer = await resumed(stream);
  await goesOn({ ...stream, producer }, [{ type: "producer", state: "live" }]);
});

Deno.test("a second end is closed 4002, and the first stands", async () => {
  using stream = await run();
  const end = controlFrame({ type: "end", next: 3, status: "done" });
  await stream.producer.write(end, end);
  assert.deepEqual(await stream.producer.expect("ack"), { type: "ack", next: 3, end: true });
  assert.deepEqual(await stream.producer.closed(), { code: 4002, reason: "a second end" });
});

Deno.test("data after the end is closed 4002, and the end stands", async () => {
  using stream = await run();
  await stream.producer.write(
    controlFrame({ type: "end", next: 3, status: "done" }),
    dataFrame(3, TWO_MORE),
  );
  assert.deepEqual(await stream.producer.expect("ack"), { type: "ack", next: 3, end: true });
  const reason = "message after the end of the stream";
  assert.deepEqual(await stream.producer.closed(), { code: 4002, reason });
  assert.deepEqual(await stream.reader.collect(), {
    lines: [],
    controls: [{ type: "end", next: 3, status: "done" }],
    close: { code: 1000, reason: "done" },
  });
});

Deno.test("lines that are no JSON objects are carried as they are", async () => {
  const id = crypto.randomUUID();
  await using reader = await consume(id);
  await using producer = await produce(id, { epoch: "run-1" });
  await producer.expect("welcome");
  const odd = ["", "no JSON", "[]", "null", '{"type":', "\u0000\ufeff\u{1f30d}\u2028", "\r", " "];
  await producer.data(0, odd);
  await producer.send({ type: "end", next: odd.length, status: "done" });
  assert.deepEqual((await reader.collect()).lines, odd);
});

/** Hellos that do not fit a run of three messages, by a connection beside the one that is live. */
const BAD_CLAIMS: Record<string, [Claim, number, string]> = {
  "fewer messages than are here": [
    { epoch: "run-1", next: 2 },
    4002,
    "hello: next is 2, and 3 messages are here",
  ],
  "a hole after those that are here": [
    { epoch: "run-1", first: 5, next: 9 },
    4002,
    "hello: first is 5, and message 3 is missing",
  ],
  "another run": [{ epoch: "run-2", next: 9 }, 4001, ERRORS.producer_exists.text],
  "an older run": [{ epoch: "run-0", next: 9 }, 4001, ERRORS.producer_exists.text],
};

for (const [what, [claim, code, reason]] of Object.entries(BAD_CLAIMS)) {
  Deno.test(`a hello with ${what} is closed ${code} while a producer is connected`, async () => {
    using stream = await run();
    await using other = await produce(stream.id, claim);
    assert.deepEqual(await other.closed(), { code, reason });
    await goesOn(stream);
  });
}

Deno.test("a new run takes the place of one whose producer is away, which is fenced out", async () => {
  using old = await run();
  await using follower = await consume(old.id, { restart: true });
  await follower.expect("welcome");
  await follower.expect("begin");
  assert.deepEqual(await follower.lines(3), THREE);
  old.producer.close();
  await awaitAway(old);
  await awaitAway({ reader: follower });

  await using producer = await produce(old.id, { epoch: "run-2" });
  assert.equal((await producer.expect("welcome")).next, 0);
  const lost = { type: "end", next: 3, status: "lost" };
  assert.deepEqual(await old.reader.collect(), {
    lines: [],
    controls: [lost],
    close: { code: 1000, reason: "lost" },
  });
  await using fenced = await produce(old.id, { epoch: "run-1", next: 5 });
  assert.deepEqual(await fenced.closed(), { code: 4009, reason: ERRORS.fenced.text });

  await producer.data(0, TWO_MORE);
  await producer.send({ type: "end", next: 2, status: "done" });
  await producer.acknowledgedEnd(2);
  await using fencedLater = await produce(old.id, { epoch: "run-1", next: 5 });
  assert.equal((await fencedLater.closed()).code, 4009);
  assert.deepEqual(await follower.collect(), {
    lines: TWO_MORE,
    controls: [
      { type: "restart", epoch: "run-2", from: 0, next: 0 },
      { type: "end", next: 2, status: "done" },
    ],
    close: { code: 1000, reason: "done" },
  });
});

Deno.test("a producer of version 1 too takes the place of a run that is away", async () => {
  using old = await run();
  old.producer.close();
  await awaitAway(old);
  await using plain = await RawSocket.webSocket(relay.port, `/produce/${old.id}`);
  assert.equal((await old.reader.collect()).close.reason, "lost");
  await using fenced = await produce(old.id, { epoch: "run-1", next: 5 });
  assert.deepEqual(await fenced.closed(), { code: 4009, reason: ERRORS.fenced.text });
  await using reader = await consume(old.id);
  await plain.send('"plain"', '{"type":"done"}');
  assert.deepEqual((await reader.collect()).lines, ['"plain"', '{"type":"done"}']);
});

Deno.test("a run supersedes its own half-open connection at once", async () => {
  using stream = await run();
  await using producer = await resumed(stream);
  const reason = "superseded by a newer connection";
  await stream.producer.data(3, ['"by a ghost"']);
  assert.deepEqual(await stream.producer.closed(), { code: 4009, reason });
  await goesOn({ ...stream, producer }, [{ type: "producer", state: "live" }]);
});

Deno.test("two resumes at once, both sending, double no message and lose none", async () => {
  const ROUNDS = 20;
  const EACH = 50;
  const id = crypto.randomUUID();
  const made = Array.from({ length: ROUNDS * EACH }, (_, n) => `{"n":${n}}`);
  await using reader = await consume(id);
  await using connections = new AsyncDisposableStack();
  /** Sends, message by message, what the relay does not have yet; it may be superseded meanwhile. */
  const resume = async (next: number) => {
    const client = connections.use(await produce(id, { epoch: "run-1", next }));
    const from = Number((await client.expect("welcome")).next);
    for (let n = from; n < next; n++) await client.data(n, [made[n]]);
    return client;
  };
  for (let next = EACH; next < made.length; next += EACH) {
    await Promise.all([resume(next), resume(next)]);
  }
  const last = await resume(made.length);
  await last.send({ type: "end", next: made.length, status: "done" });
  await last.acknowledgedEnd(made.length);
  const { lines, close } = await reader.collect();
  assert.deepEqual(lines, made);
  assert.equal(close.reason, "done");
});

/** A relay in this process. */
function strict(options: RelayOptions = {}) {
  return startRelay({ port: 0, secret: SECRET, ...options });
}

const BEARER = { Authorization: `Bearer ${SECRET}` };
/** No credential was judged. */
const LATE = { code: 4010, reason: "no hello came in time" };
const REFUSED = { code: 4003, reason: ERRORS.unauthorized.text };

for (const role of ["produce", "consume"]) {
  const hello = (credential?: string): Said =>
    role === "produce"
      ? produceHello({ epoch: "run-1", credential })
      : { type: "hello", role, credential };
  const ways: Record<string, [Record<string, string>, string | undefined]> = {
    "no credential": [{}, undefined],
    "an empty credential": [{}, ""],
    "a wrong credential in the hello": [{}, "wrong"],
    "a credential that begins like the right one": [{}, SECRET.slice(0, -1)],
    "the right header and a wrong hello": [BEARER, "wrong"],
  };
  for (const [what, [headers, credential]] of Object.entries(ways)) {
    Deno.test(`${what} is closed 4003, and leaves no channel (${role})`, async () => {
      await using relay = await strict();
      await using client = await ResumableClient.connect(relay.port, `/${role}/job-7`, headers);
      await client.send(hello(credential));
      assert.deepEqual(await client.closed(), REFUSED);
      assert.equal(await activeChannels(relay.port), 0);
    });
  }

  Deno.test(`a wrong header is closed 4003 whatever the hello says (${role})`, async () => {
    await using relay = await strict();
    const headers = { Authorization: "Bearer wrong" };
    await using client = await ResumableClient.connect(relay.port, `/${role}/job-7`, headers);
    assert.deepEqual(await client.closed(), REFUSED);
  });

  const rights: Record<string, [Record<string, string>, string | undefined]> = {
    "the header": [BEARER, undefined],
    "the hello": [{}, SECRET],
    "both": [BEARER, SECRET],
  };
  for (const [where, [headers, credential]] of Object.entries(rights)) {
    Deno.test(`the secret in ${where} lets a client in (${role})`, async () => {
      await using relay = await strict();
      await using client = await ResumableClient.connect(relay.port, `/${role}/job-7`, headers);
      assert.equal(await activeChannels(relay.port), 0);
      await client.send(hello(credential));
      await client.expect("welcome");
      assert.equal(await activeChannels(relay.port), 1);
    });
  }

  for (const secret of [undefined, SECRET]) {
    const how = secret === undefined ? "no secret" : "a secret";
    Deno.test(`a client that says no hello in time may try again (${role}, ${how})`, async () => {
      await using relay = await strict({ secret, authTimeoutMs: 100 });
      const headers = secret === undefined ? {} : BEARER;
      await using client = await ResumableClient.connect(relay.port, `/${role}/job-7`, headers);
      assert.deepEqual(await client.closed(), LATE);
      assert.equal(await activeChannels(relay.port), 0);
    });
  }

  Deno.test(`a client that has said hello is not timed out (${role})`, async () => {
    await using relay = await strict({ authTimeoutMs: 100 });
    await using client = await ResumableClient.connect(relay.port, `/${role}/job-7`);
    await client.send(hello(SECRET));
    await client.expect("welcome");
    await using late = await ResumableClient.connect(relay.port, `/${role}/job-8`);
    assert.deepEqual(await late.closed(), LATE);
    await client.write(clientFrame("", { opcode: 9 }));
    assert.equal((await client.socket.frame())?.opcode, 10);
  });
}
