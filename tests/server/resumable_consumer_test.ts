/** Consumers of version 2, and what they are told: places, gaps, restarts, absences, cancels, ends. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { type RelayOptions, startRelay } from "../../src/mod.ts";
import { clientFrame } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import {
  binaryFrame,
  controlFrame,
  dataFrame,
  ResumableClient,
  type Said,
} from "../helpers/resumable_client.ts";

const LINES = Array.from({ length: 5 }, (_, n) => `{"n":${n}}`);
const DONE = { type: "end", next: 5, status: "done" };
const GOODBYE = { code: 1000, reason: "done" };

/** A relay in this process, with clients of the channel `job-7`. */
async function start(options: RelayOptions = {}) {
  // a limit this short makes the relay acknowledge every 20 ms, not every second; nobody is waited for here
  const relay = await startRelay({ port: 0, holdTimeoutMs: 0, ...options });
  const clients = new AsyncDisposableStack();
  return {
    port: relay.port,
    relay,
    /** A producer that has been welcomed to go on with message `from`. */
    async produce(epoch: string, { from = 0, first = 0, next = 5 } = {}) {
      const claim = { epoch, first, next };
      const client = clients.use(await ResumableClient.produce(relay.port, "job-7", claim));
      const { window, ...welcome } = await client.expect("welcome");
      assert.deepEqual(welcome, { type: "welcome", epoch, next: from });
      assert.ok(Number(window) > 0);
      return client;
    },
    /** A consumer that has been welcomed by a channel in that state. */
    async consume(state: string, wish: Record<string, unknown> = {}) {
      const client = clients.use(await ResumableClient.consume(relay.port, "job-7", wish));
      assert.deepEqual(await client.expect("welcome"), { type: "welcome", state });
      return client;
    },
    /** A plain client of version 1. */
    async plain(role: "produce" | "consume") {
      return clients.use(await RawSocket.webSocket(relay.port, `/${role}/job-7`));
    },
    async [Symbol.asyncDispose]() {
      await clients.disposeAsync();
      await relay.stop();
    },
  };
}

type Start = Awaited<ReturnType<typeof start>>;

/** A producer whose first three messages the relay has. */
async function liveRun({ produce }: Start, epoch = "run-1"): Promise<ResumableClient> {
  const producer = await produce(epoch);
  await producer.data(0, LINES.slice(0, 3));
  await producer.acknowledged(3);
  return producer;
}

/** A run of five messages that is done. */
async function endedRun({ produce }: Start, epoch = "run-1"): Promise<void> {
  const producer = await produce(epoch);
  await producer.data(0, LINES);
  await producer.send(DONE);
  await producer.acknowledgedEnd(5);
  await producer.goodbye();
  assert.equal((await producer.closed()).code, 1000);
}

/** The producer of a live run sends the rest and ends. */
function finish(producer: ResumableClient): Promise<void> {
  return producer.write(dataFrame(3, LINES.slice(3)), controlFrame(DONE));
}

function begin(from: number, next: number, epoch = "run-1"): Said {
  return { type: "begin", epoch, from, next };
}

const HELLO = { type: "hello", role: "consume" };
const UNKNOWN = "unknown type of control message";

/** What a consumer may not begin with: the frame, the close code, the reason. */
const BAD_BEGINNINGS: Record<string, [Uint8Array, number, string]> = {
  "an unknown type": [controlFrame({ type: "dance" }), 4002, UNKNOWN],
  "no JSON": [controlFrame("hello"), 4002, "control message is not JSON"],
  "no object": [controlFrame('"hello"'), 4002, "control message is no object"],
  "a cancel": [controlFrame({ type: "cancel" }), 4002, "the first message must be a hello"],
  "data": [dataFrame(0, LINES), 4002, "data before the hello"],
  "a producer's hello": [
    controlFrame({ type: "hello", role: "produce", epoch: "run-2", first: 0, next: 0 }),
    4002,
    "hello: role does not fit /consume/",
  ],
  "a hello of more than 8 KiB": [
    controlFrame({ ...HELLO, more: "x".repeat(8 * 1024) }),
    1009,
    ERRORS.too_big.text,
  ],
  "a credential that is no text": [
    controlFrame({ ...HELLO, credential: { $ne: "" } }),
    4002,
    "hello: credential is no text",
  ],
};

for (const position of [7, null, ["run-1:0"], { epoch: "run-1", seq: 0 }]) {
  BAD_BEGINNINGS[`the position ${JSON.stringify(position)}`] = [
    controlFrame({ ...HELLO, position }),
    4002,
    "hello: position is no text",
  ];
}

for (
  const position of [
    "",
    "LIVE",
    "run-1",
    "run-1:",
    ":1",
    "run-1:-1",
    "run-1:1.5",
    "run-1:01",
    "run-1:1e0",
    "run-1: 1",
    "run 1:1",
    "run-1:1:1",
    "run-1:1\n",
    "run-1:9007199254740992",
    "run-1:99999999999999999999",
    `${"x".repeat(65)}:0`,
  ]
) {
  BAD_BEGINNINGS[`the position ${JSON.stringify(position).slice(0, 30)}`] = [
    controlFrame({ ...HELLO, position }),
    4002,
    "position is not <epoch>:<seq>",
  ];
}

for (const [what, [frame, code, reason]] of Object.entries(BAD_BEGINNINGS)) {
  Deno.test(`a consumer that begins with ${what} is closed ${code}, and harms nobody`, async () => {
    await using stream = await start();
    const reader = await stream.consume("waiting");
    const producer = await liveRun(stream);
    await using bad = await ResumableClient.connect(stream.port, "/consume/job-7");
    await bad.write(frame);
    assert.deepEqual(await bad.closed(), { code, reason });
    await finish(producer);
    const { lines, close } = await reader.collect();
    assert.deepEqual({ lines, close }, { lines: LINES, close: GOODBYE });
  });
}

/** What a consumer may not say after its hello. */
const BAD_MESSAGES: Record<string, [Uint8Array, number, string]> = {
  "a second hello": [controlFrame(HELLO), 4002, "unexpected hello of a consumer"],
  "a producer's hello": [
    controlFrame({ type: "hello", role: "produce", epoch: "run-2", first: 0, next: 0 }),
    4002,
    "unexpected hello of a consumer",
  ],
  "an end": [controlFrame({ ...DONE, next: 3 }), 4002, "unexpected end of a consumer"],
  "a forged ack": [controlFrame({ type: "ack", next: 3 }), 4002, UNKNOWN],
  "a forged absence": [controlFrame({ type: "producer", state: "away" }), 4002, UNKNOWN],
  "a token": [controlFrame('{"type":"token","content":"Hi"}'), 4002, UNKNOWN],
  "no JSON": [controlFrame("cancel"), 4002, "control message is not JSON"],
  "no UTF-8": [clientFrame(Uint8Array.of(0x22, 0xff, 0x22)), 1007, ERRORS.bad_text.text],
  "data": [dataFrame(3, LINES.slice(3)), 4002, "data of a consumer"],
  "an empty binary frame": [binaryFrame(new Uint8Array(0)), 4002, "data of a consumer"],
  "a cancel of more than 8 KiB": [
    controlFrame({ type: "cancel", reason: "x".repeat(8 * 1024) }),
    1009,
    ERRORS.too_big.text,
  ],
};

for (const [what, [frame, code, reason]] of Object.entries(BAD_MESSAGES)) {
  Deno.test(`a consumer that sends ${what} is closed ${code}, and harms nobody`, async () => {
    await using stream = await start();
    const reader = await stream.consume("waiting");
    const producer = await liveRun(stream);
    const bad = await stream.consume("live");
    assert.deepEqual(await bad.expect("begin"), begin(0, 3));
    assert.deepEqual(await bad.lines(3), LINES.slice(0, 3));
    await bad.write(frame);
    assert.deepEqual(await bad.closed(), { code, reason });
    await finish(producer);
    await producer.acknowledgedEnd(5); // it was neither told to stop nor closed
    const late = await stream.consume("ended");
    for (const client of [reader, late]) {
      const { lines, close } = await client.collect();
      assert.deepEqual({ lines, close }, { lines: LINES, close: GOODBYE });
    }
  });
}

for (let seq = 0; seq <= 5; seq++) {
  Deno.test(`a consumer at message ${seq} gets what follows, of a live run and of one that is done`, async () => {
    await using stream = await start();
    const reading = { lines: LINES.slice(seq), controls: [DONE], close: GOODBYE };
    const producer = await liveRun(stream);
    const early = await stream.consume("live", { position: `run-1:${seq}` });
    assert.deepEqual(await early.expect("begin"), begin(seq, 3));
    await finish(producer);
    assert.deepEqual(await early.collect(), reading);
    const late = await stream.consume("ended", { position: `run-1:${seq}` });
    assert.deepEqual(await late.expect("begin"), begin(seq, 5));
    assert.deepEqual(await late.collect(), reading);
  });
}

Deno.test("a live consumer gets only what is still to come", async () => {
  await using stream = await start();
  const early = await stream.consume("waiting", { position: "live" });
  const producer = await stream.produce("run-1", { next: 0 });
  assert.deepEqual(await early.expect("begin"), begin(0, 0));
  await producer.data(0, LINES.slice(0, 3));
  assert.deepEqual(await early.lines(3), LINES.slice(0, 3));
  const late = await stream.consume("live", { position: "live" });
  assert.deepEqual(await late.expect("begin"), begin(3, 3));
  await finish(producer);
  const reading = { lines: LINES.slice(3), controls: [DONE], close: GOODBYE };
  assert.deepEqual(await early.collect(), reading);
  assert.deepEqual(await late.collect(), reading);
});

for (const run of [liveRun, endedRun]) {
  const [state, count] = run === liveRun ? ["live", 3] : ["ended", 5];
  const extent = 5; // the producer has said that it has five
  const beyond = `position is beyond the ${extent} messages of the run`;
  Deno.test(`a position beyond the run is closed 4002 (${state})`, async () => {
    await using stream = await start();
    await run(stream);
    for (const restart of [undefined, false, true]) {
      const reader = await stream.consume(state, { position: "run-1:6", restart });
      assert.deepEqual(await reader.closed(), { code: 4002, reason: beyond });
    }
  });

  Deno.test(`a position in another run is closed 4009, or restarts (${state})`, async () => {
    await using stream = await start();
    await run(stream);
    const reason = "that run is over: another one has begun";
    for (const position of ["run-0:3", "run-2:0", "run-1-:1"]) {
      for (const restart of [undefined, false, "true", 1]) {
        const reader = await stream.consume(state, { position, restart });
        assert.deepEqual(await reader.closed(), { code: 4009, reason });
      }
      const reader = await stream.consume(state, { position, restart: true });
      const restarted = { type: "restart", epoch: "run-1", from: 0, next: count };
      assert.deepEqual(await reader.expect("restart"), restarted);
      assert.deepEqual(await reader.lines(count as number), LINES.slice(0, count as number));
    }
  });
}

Deno.test("positions of consumers that come first are judged when the run comes", async () => {
  await using stream = await start();
  const same = await stream.consume("waiting", { position: "run-1:2" });
  const beyond = await stream.consume("waiting", { position: "run-1:6" });
  const other = await stream.consume("waiting", { position: "run-0:2" });
  const restarting = await stream.consume("waiting", { position: "run-0:2", restart: true });
  await endedRun(stream);
  assert.deepEqual(await same.collect(), {
    lines: LINES.slice(2),
    controls: [begin(2, 0), DONE],
    close: GOODBYE,
  });
  assert.equal((await beyond.closed()).code, 4002);
  assert.equal((await other.closed()).code, 4009);
  assert.deepEqual(await restarting.collect(), {
    lines: LINES,
    controls: [{ type: "restart", epoch: "run-1", from: 0, next: 0 }, DONE],
    close: GOODBYE,
  });
});

Deno.test("a relay that knows nothing is filled from first; who reads from there is told of the gap", async () => {
  await using stream = await start();
  const oldest = await stream.consume("waiting");
  const placed = await stream.consume("waiting", { position: "run-1:4" });
  const live = await stream.consume("waiting", { position: "live" });
  const producer = await stream.produce("run-1", { first: 2, from: 2 });
  await producer.write(dataFrame(2, LINES.slice(2)), controlFrame(DONE));
  const end = { controls: [DONE], close: GOODBYE };
  assert.deepEqual(await oldest.expect("begin"), begin(0, 2));
  assert.deepEqual(await oldest.expect("gap"), { type: "gap", from: 0, to: 2 });
  assert.deepEqual(await oldest.collect(), { lines: LINES.slice(2), ...end });
  assert.deepEqual(await placed.expect("begin"), begin(4, 2));
  assert.deepEqual(await placed.collect(), { lines: LINES.slice(4), ...end });
  // it was here first: what the producer had made by then may never have reached anybody
  assert.deepEqual(await live.expect("begin"), begin(2, 2));
  assert.deepEqual(await live.collect(), { lines: LINES.slice(2), ...end });
});

Deno.test("late consumers are told which of the messages they want are forgotten", async () => {
  await using stream = await start({ maxBuffer: 10 });
  const lines = Array.from({ length: 99 }, (_, n) => `{"n":${n}}`);
  const producer = await stream.produce("run-1", { next: 99 });
  for (let n = 0; n < 99; n++) await producer.data(n, [lines[n]]);
  const end = { type: "end", next: 99, status: "done" };
  await producer.send(end);
  await producer.acknowledgedEnd(99);
  for (const from of [0, 50, 88]) {
    const reader = await stream.consume("ended", { position: `run-1:${from}` });
    const controls = [begin(from, 99), { type: "gap", from, to: 89 }, end];
    assert.deepEqual(await reader.collect(), { lines: lines.slice(89), controls, close: GOODBYE });
  }
  for (const from of [89, 95, 99]) {
    const reader = await stream.consume("ended", { position: `run-1:${from}` });
    const controls = [begin(from, 99), end];
    assert.deepEqual(await reader.collect(), {
      lines: lines.slice(from),
      controls,
      close: GOODBYE,
    });
  }
});

Deno.test("a reader that the producer waits for no longer is told of the gap in the middle", async () => {
  await using stream = await start({ maxBufferBytes: 1024 * 1024 });
  const MESSAGES = 400;
  const large = (n: number) => JSON.stringify({ n, text: "x".repeat(100_000) });
  const reader = await stream.consume("waiting");
  const producer = await stream.produce("run-1", { next: MESSAGES });
  for (let n = 0; n < MESSAGES; n++) {
    await producer.data(n, [large(n)]);
    await producer.acknowledged(n + 1);
  }
  await producer.send({ type: "end", next: MESSAGES, status: "done" });
  const { lines, controls, close } = await reader.collect();
  const [first, ...rest] = controls;
  const gaps = rest.slice(0, -1);
  assert.deepEqual(first, begin(0, 0));
  assert.ok(gaps.length > 0 && gaps.every(({ type }) => type === "gap"), JSON.stringify(gaps));
  const isMissing = (n: number) => gaps.some(({ from, to }) => n >= Number(from) && n < Number(to));
  const expected = Array.from({ length: MESSAGES }, (_, n) => n).filter((n) => !isMissing(n));
  assert.deepEqual(lines.map((line) => JSON.parse(line).n), expected);
  assert.deepEqual(close, GOODBYE);
});

for (const cut of ["between frames", "within a frame"]) {
  Deno.test(`a producer that is cut off ${cut} resumes where the relay is, and readers know`, async () => {
    await using stream = await start();
    const early = await stream.consume("waiting");
    const producer = await liveRun(stream);
    if (cut === "within a frame") {
      await producer.write(dataFrame(3, LINES.slice(3)).subarray(0, 20));
    }
    producer.close();
    assert.deepEqual(await early.expect("begin"), begin(0, 0));
    await early.lines(3);
    const away = { type: "producer", state: "away" };
    assert.deepEqual(await early.expect("producer"), away);
    const late = await stream.consume("away");
    assert.deepEqual(await late.expect("begin"), begin(0, 3));
    assert.deepEqual(await late.lines(3), LINES.slice(0, 3));

    const again = await stream.produce("run-1", { from: 3 });
    await finish(again);
    await again.acknowledgedEnd(5);
    for (const reader of [early, late]) {
      assert.deepEqual(await reader.collect(), {
        lines: LINES.slice(3),
        controls: [{ type: "producer", state: "live" }, DONE],
        close: GOODBYE,
      });
    }
  });
}

Deno.test("a producer that did not hear that its end has come may say it again, and no more", async () => {
  await using stream = await start();
  await endedRun(stream);
  const again = await stream.produce("run-1", { from: 5 });
  await again.send(DONE);
  await again.acknowledgedEnd(5);
  await again.data(5, ['"more"']);
  const reason = "message after the end of the stream";
  assert.deepEqual(await again.closed(), { code: 4002, reason });
  const claim = { epoch: "run-1", next: 6 };
  await using more = await ResumableClient.produce(stream.port, "job-7", claim);
  assert.deepEqual(await more.closed(), {
    code: 4002,
    reason: "hello: next is 6, and 5 messages are here",
  });
  const reader = await stream.consume("ended");
  assert.deepEqual((await reader.collect()).lines, LINES);
});

/** Bytes and messages retained, and the window that this makes. */
const WINDOWS: [number, number, number][] = [
  [100_000, 100_000, 12_500],
  [1024 * 1024, 100_000, 128 * 1024],
  [8 * 1024 * 1024, 100_000, 400_000],
  [8 * 1024 * 1024, 1_000, 4_000],
  [8 * 1024 * 1024, 100, 1024],
  [64 * 1024 * 1024, 10_000_000, 2 * 1024 * 1024],
  [4 * 1024 ** 3, 1_000_000_000, 2 * 1024 * 1024],
];

for (const [maxBufferBytes, maxBuffer, window] of WINDOWS) {
  Deno.test(`the window is ${window} bytes where ${maxBufferBytes} and ${maxBuffer} messages are kept; a frame may exceed it`, async () => {
    await using stream = await start({ maxBufferBytes, maxBuffer });
    await using producer = await ResumableClient.produce(stream.port, "job-7", { epoch: "run-1" });
    assert.deepEqual(await producer.next(), { type: "welcome", epoch: "run-1", next: 0, window });
    const lines = [JSON.stringify("x".repeat(window)), '"and one more"'];
    await producer.data(0, lines);
    await producer.acknowledged(2);
    for (let n = 2; n < 100; n++) await producer.data(n, [`{"n":${n}}`]);
    await producer.acknowledged(100);
    const reader = await stream.consume("live", { position: "run-1:98" });
    assert.deepEqual(await reader.expect("begin"), begin(98, 100));
    assert.deepEqual(await reader.lines(2), ['{"n":98}', '{"n":99}']);
  });
}

/** What a producer adds to its end, and what readers are told. */
const ENDS: [Record<string, unknown>, Record<string, unknown>][] = [
  [{ status: "done" }, { status: "done" }],
  [{ status: "done", exit_code: 0 }, { status: "done", exit_code: 0 }],
  [{ status: "error" }, { status: "error" }],
  [{ status: "error", exit_code: 255 }, { status: "error", exit_code: 255 }],
  [{ status: "error", signal: "SIGKILL" }, { status: "error", signal: "SIGKILL" }],
  [
    { status: "cancelled", exit_code: 130, signal: "SIGINT" },
    { status: "cancelled", exit_code: 130, signal: "SIGINT" },
  ],
  [{ status: "error", exit_code: 256, signal: "\u001b[31m" }, { status: "error" }],
  [{ status: "error", exit_code: "1", signal: 9, more: {} }, { status: "error" }],
];

for (const [said, told] of ENDS) {
  Deno.test(`the end ${JSON.stringify(said)} is told as it is, early and late`, async () => {
    await using stream = await start();
    const early = await stream.consume("waiting");
    const plain = await stream.plain("consume");
    const producer = await liveRun(stream);
    await producer.send({ type: "end", next: 3, ...said });
    await producer.acknowledgedEnd(3);
    const late = await stream.consume("ended");
    const close = { code: 1000, reason: String(told.status) };
    for (const [reader, next] of [[early, 0], [late, 3]] as const) {
      assert.deepEqual(await reader.collect(), {
        lines: LINES.slice(0, 3),
        controls: [begin(0, next), { type: "end", next: 3, ...told }],
        close,
      });
    }
    assert.deepEqual(await plain.messages(), { texts: LINES.slice(0, 3), close });
  });
}

/** How a producer of version 1 ends, and the status that is told of it. */
const PLAIN_ENDS: Record<string, [string[], (producer: RawSocket) => unknown]> = {
  done: [['{"type":"done","usage":{}}'], () => {}],
  error: [['{"type":"error","message":"no"}'], (producer) => producer.sendClose()],
  closed: [['{"type":"enc","d":"AAAA"}'], (producer) => producer.sendClose()],
  lost: [['{"type":"token","content":"Hi"}'], (producer) => producer.close()],
};

for (const [status, [texts, leave]] of Object.entries(PLAIN_ENDS)) {
  Deno.test(`a version 1 run that ends "${status}" is told so to version 2`, async () => {
    await using stream = await start();
    const early = await stream.consume("waiting");
    const producer = await stream.plain("produce");
    await producer.send(...texts);
    await leave(producer);
    const first = await early.collect();
    const late = await (await stream.consume("ended")).collect();
    for (const { lines, controls, close } of [first, late]) {
      assert.deepEqual(lines, texts);
      assert.deepEqual(controls.at(-1), { type: "end", next: texts.length, status });
      assert.deepEqual(close, { code: 1000, reason: status });
    }
  });
}

Deno.test("a producer that says goodbye before its end is lost at once", async () => {
  await using stream = await start();
  const reader = await stream.consume("waiting");
  const producer = await liveRun(stream);
  await producer.goodbye(1000);
  assert.deepEqual(await reader.collect(), {
    lines: LINES.slice(0, 3),
    controls: [begin(0, 0), { type: "end", next: 3, status: "lost" }],
    close: { code: 1000, reason: "lost" },
  });
});

Deno.test("a run is lost when its producer is away too long, and open again when it comes back", async () => {
  await using stream = await start({ resumeTimeoutMs: 100 });
  const reader = await stream.consume("waiting");
  (await liveRun(stream)).close();
  assert.deepEqual(await reader.collect(), {
    lines: LINES.slice(0, 3),
    controls: [
      begin(0, 0),
      { type: "producer", state: "away" },
      { type: "end", next: 3, status: "lost" },
    ],
    close: { code: 1000, reason: "lost" },
  });
  const producer = await stream.produce("run-1", { from: 3 });
  const again = await stream.consume("live", { position: "run-1:3" });
  await finish(producer);
  assert.deepEqual(await again.collect(), {
    lines: LINES.slice(3),
    controls: [begin(3, 3), DONE],
    close: GOODBYE,
  });
});

Deno.test("an idle channel with one side expires: 4012, and readers are told before", async () => {
  await using stream = await start({ channelTimeoutMs: 200 });
  const expired = { code: 4012, reason: ERRORS.expired.text };
  const reader = await stream.consume("waiting");
  assert.deepEqual(await reader.collect(), {
    lines: [],
    controls: [{ type: "end", next: 0, status: "expired" }],
    close: expired,
  });
  const producer = await liveRun(stream);
  assert.deepEqual(await producer.closed(), expired);
  const late = await stream.consume("ended");
  assert.deepEqual(await late.collect(), {
    lines: LINES.slice(0, 3),
    controls: [begin(0, 3), { type: "end", next: 3, status: "expired" }],
    close: expired,
  });
});

Deno.test("a relay that stops closes both sides 1001 and states no end: they come back", async () => {
  await using stream = await start();
  const reader = await stream.consume("waiting");
  const producer = await liveRun(stream);
  await reader.expect("begin");
  await reader.lines(3);
  const stopped = stream.relay.stop();
  const draining = { code: 1001, reason: ERRORS.draining.text };
  assert.deepEqual(await reader.closed(), draining);
  assert.deepEqual(await producer.closed(), draining);
  await stopped;
});

Deno.test("a cancel reaches the producer, which decides how it ends", async () => {
  await using stream = await start();
  const producer = await liveRun(stream);
  const reader = await stream.consume("live", { position: "live" });
  await reader.expect("begin");
  const reasons: [unknown, string | undefined][] = [
    [undefined, undefined],
    ["enough", "enough"],
    ["über \u001b[31mred\u0007\n\u202e 🌍", "über [31mred 🌍"],
    ["x".repeat(1000), "x".repeat(200)],
    [7, undefined],
  ];
  for (const [said, told] of reasons) {
    await reader.send({ type: "cancel", reason: said });
    assert.deepEqual(await reader.expect("cancelling"), { type: "cancelling", reached: true });
    const cancel = told === undefined ? { type: "cancel" } : { type: "cancel", reason: told };
    assert.deepEqual(await producer.expect("cancel"), cancel);
  }
  await finish(producer); // it was done anyway
  assert.deepEqual((await reader.collect()).controls, [DONE]);
});

Deno.test("a reader that does nothing but cancel is closed 4002", async () => {
  await using stream = await start();
  const reader = await stream.consume("waiting");
  const cancel = controlFrame({ type: "cancel" });
  await reader.write(...Array.from({ length: 17 }, () => cancel));
  for (let n = 0; n < 16; n++) await reader.expect("cancelling");
  assert.equal((await reader.closed()).code, 4002);
});

Deno.test("a cancel that finds no producer is told why, and one who is away hears it when back", async () => {
  await using stream = await start();
  const reader = await stream.consume("waiting");
  const cancelled = async (reason: string) => {
    await reader.send({ type: "cancel", reason: "enough" });
    const answer = await reader.expect("cancelling");
    assert.deepEqual(answer, { type: "cancelling", reached: false, reason });
  };
  await cancelled("no producer has come yet");
  const producer = await liveRun(stream);
  await reader.expect("begin");
  await reader.lines(3);
  producer.close();
  await reader.expect("producer");
  await cancelled("the producer is away; it is told when it comes back");
  const again = await stream.produce("run-1", { from: 3 });
  assert.deepEqual(await again.expect("cancel"), { type: "cancel", reason: "enough" });
  await again.send({ type: "end", next: 3, status: "cancelled" });
  assert.equal((await reader.collect()).close.reason, "cancelled");
});

Deno.test("a producer of version 1 cannot be cancelled, and is not disturbed", async () => {
  await using stream = await start();
  const producer = await stream.plain("produce");
  const reader = await stream.consume("live");
  await reader.expect("begin");
  await reader.send({ type: "cancel" });
  assert.deepEqual(await reader.expect("cancelling"), {
    type: "cancelling",
    reached: false,
    reason: "the producer is a plain one (v1), which cannot be told",
  });
  await producer.send('{"type":"done"}');
  assert.equal((await reader.collect()).close.reason, "done");
});

Deno.test("one consumer or channel too many is closed 4010, the others stay", async () => {
  await using stream = await start({ maxConsumers: 1, maxChannels: 1 });
  const reader = await stream.consume("waiting");
  const full = { code: 4010, reason: ERRORS.limit.text };
  const second = await stream.consume("waiting");
  assert.deepEqual(await second.closed(), full);
  await using other = await ResumableClient.produce(stream.port, "job-8", { epoch: "run-1" });
  assert.deepEqual(await other.closed(), full);
  await endedRun(stream);
  assert.deepEqual((await reader.collect()).lines, LINES);
});
