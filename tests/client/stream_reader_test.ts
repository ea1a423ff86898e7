import assert from "node:assert/strict";
import { MessageReader } from "../../src/client/message_reader.ts";
import type { StreamEvent } from "../../src/client/stream_event.ts";
import { StreamReader, type StreamReaderOptions } from "../../src/client/stream_reader.ts";
import type { ToConsumer } from "../../src/protocol/control.ts";
import { isToken } from "../../src/protocol/message.ts";

/** A reader without a key, from the start where nothing else is said. */
async function reader(options: Partial<StreamReaderOptions> = {}): Promise<StreamReader> {
  const messages = await MessageReader.create("job-7", undefined);
  return new StreamReader({ messages, from: "start", followRestart: true, ...options });
}

/** A data frame of tokens, written here anew. */
function frame(seq: number, ...contents: string[]): Uint8Array {
  const lines = contents.map((content) => `{"type":"token","content":"${content}"}\n`).join("");
  const bytes = new Uint8Array(8 + lines.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(seq));
  bytes.set(new TextEncoder().encode(lines), 8);
  return bytes;
}

const begin = (from: number, epoch = "run-1"): ToConsumer => ({
  type: "begin",
  epoch,
  from,
  next: 9,
});
const restart = (from: number, epoch = "run-2"): ToConsumer => ({
  type: "restart",
  epoch,
  from,
  next: 3,
});

/** All events of one frame. */
async function read(reader: StreamReader, frame: Uint8Array): Promise<StreamEvent[]> {
  return await Array.fromAsync(reader.data(frame));
}

Deno.test("messages come with the position after them", async () => {
  const stream = await reader();
  assert.equal(stream.position, undefined);
  stream.control(begin(0));
  const [event] = await read(stream, frame(0, "a", "b"));
  assert.deepEqual(event, {
    kind: "messages",
    messages: [{ type: "token", content: "a" }, { type: "token", content: "b" }],
    position: { epoch: "run-1", seq: 2 },
  });
  assert.deepEqual([stream.position, stream.wish], [{ epoch: "run-1", seq: 2 }, "run-1:2"]);
});

Deno.test("tokens come as text where that is wanted", async () => {
  const stream = await reader({ asText: true });
  stream.control(begin(0));
  const [event] = await read(stream, frame(0, "a", "b"));
  assert.ok(event.kind === "text");
  assert.deepEqual([new TextDecoder().decode(event.text), event.count], ["ab", 2]);
});

Deno.test("a frame of many lines comes in pieces, none of which is lost", async () => {
  const stream = await reader();
  stream.control(begin(0));
  const contents = Array.from({ length: 10_000 }, (_, i) => `token ${i}`);
  const events = await read(stream, frame(0, ...contents));
  assert.ok(events.length > 1);
  const messages = events.flatMap((event) => event.kind === "messages" ? event.messages : []);
  assert.deepEqual(messages.map((message) => isToken(message) && message.content), contents);
});

Deno.test("what is in order is handed out before what is not", async () => {
  const stream = await reader();
  stream.control(begin(0));
  const bytes = frame(0, "a", "b");
  bytes[bytes.length - 2] = 0x21; // the brace that closes the second one
  const events: StreamEvent[] = [];
  await assert.rejects(async () => {
    for await (const event of stream.data(bytes)) events.push(event);
  }, { name: "RelayError" });
  assert.equal(events.length, 1);
  assert.equal(stream.position?.seq, 1);
});

Deno.test("a hello asks for where the reader is, or begins", async () => {
  assert.equal((await reader()).wish, undefined);
  assert.equal((await reader({ from: "live" })).wish, "live");
  const kept = await reader({ from: { epoch: "run-1", seq: 4 } });
  assert.equal(kept.wish, "run-1:4");
  assert.equal(kept.begun, false);
  kept.control(begin(4));
  assert.equal(kept.begun, true);
});

Deno.test("a gap is stated, and reading goes on behind it", async () => {
  const stream = await reader();
  stream.control(begin(0));
  assert.deepEqual(stream.control({ type: "gap", from: 0, to: 5 }), {
    kind: "gap",
    from: 0,
    to: 5,
  });
  assert.equal((await read(stream, frame(5, "f"))).length, 1);
});

Deno.test("another run begins at its first message", async () => {
  const stream = await reader();
  stream.control(begin(0));
  await read(stream, frame(0, "a"));
  assert.deepEqual(stream.control(restart(0)), {
    kind: "begin",
    epoch: "run-2",
    from: 0,
    restart: true,
  });
  assert.deepEqual([stream.position, stream.existing], [{ epoch: "run-2", seq: 0 }, 3]);
});

Deno.test("a run may be lost or expired where the reader is not, but not be done there", async () => {
  const stream = await reader();
  stream.control(begin(0));
  for (const status of ["lost", "expired"] as const) {
    assert.deepEqual(stream.control({ type: "end", next: 7, status }), { kind: "end", status });
  }
  for (const status of ["done", "error", "cancelled", "closed"] as const) {
    assert.throws(() => stream.control({ type: "end", next: 7, status }), { code: "incomplete" });
  }
});

const BEGUN = begin(0);
const LIES: [what: string, before: ToConsumer[], lie: ToConsumer][] = [
  ["begins in mid-stream", [], begin(3)],
  ["goes on with another run", [BEGUN], begin(0, "run-2")],
  ["goes on at another message", [BEGUN], begin(1)],
  ["restarts the run that is read", [BEGUN], restart(0, "run-1")],
  ["restarts in mid-stream", [BEGUN], restart(1)],
  ["states a gap that is elsewhere", [BEGUN], { type: "gap", from: 1, to: 2 }],
  ["states a gap of nothing", [BEGUN], { type: "gap", from: 0, to: 0 }],
];

for (const [what, before, lie] of LIES) {
  Deno.test(`a relay that ${what} is not believed`, async () => {
    const stream = await reader();
    for (const control of before) stream.control(control);
    assert.throws(() => stream.control(lie), { name: "RelayError", code: "incomplete" });
  });
}

Deno.test("a restart is refused where another run is not wanted", async () => {
  const stream = await reader({ followRestart: false });
  stream.control(BEGUN);
  assert.throws(() => stream.control(restart(0)), { code: "incomplete" });
});

Deno.test("data of no run, or elsewhere, is not believed", async () => {
  const stream = await reader();
  await assert.rejects(read(stream, frame(0, "a")), { code: "incomplete" });
  stream.control(BEGUN);
  await assert.rejects(read(stream, frame(1, "b")), { code: "incomplete" });
  assert.equal((await read(stream, frame(0, "a"))).length, 1);
  await assert.rejects(read(stream, frame(0, "a")), { code: "incomplete" });
});
