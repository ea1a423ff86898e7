import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/errors.ts";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { encodeRecord, payloads } from "../../src/protocol/record.ts";
import { Channel } from "../../src/relay/channel.ts";
import type { ProducerLink } from "../../src/relay/producer_link.ts";
import { Subscriber } from "../../src/relay/subscriber.ts";
import { bytesOf } from "../helpers/client_frames.ts";
import { runOf } from "../log/channel_log_conformance.ts";

const token = (content: string) => JSON.stringify({ type: "token", content });
const DONE = '{"type":"done"}';
const ERROR = '{"type":"error","message":"out of memory"}';
const ENC = '{"type":"enc","d":"bm9uY2U="}';

/** The connection of a producer, and what it is told. */
class Producer implements ProducerLink {
  readonly resumable = false;
  cancel(): boolean {
    return false;
  }
  eased(): void {}
  readonly dropped: ErrorCode[] = [];
  drop({ code }: { code: ErrorCode }): void {
    this.dropped.push(code);
  }
}

/** A reader of `channel` that takes all it is given, and what it was given. */
function readerOf(channel: Channel) {
  const seen: string[] = [];
  const reader = new Subscriber({
    toldOfGaps: false,
    begin: ({ epoch, from }) => void seen.push(`begin ${epoch} ${from}`),
    write(records) {
      for (const payload of payloads(records)) seen.push(new TextDecoder().decode(payload));
      return true;
    },
    end: ({ status }) => void seen.push(`end ${status}`),
    gap(from, to) {
      seen.push(`gap ${from} ${to}`);
      return false;
    },
    producer: (state) => void seen.push(`producer ${state}`),
    refuse: ({ code }) => void seen.push(`refused ${code}`),
  });
  channel.readers.add(reader);
  if (channel.log !== undefined) reader.begin(channel.log);
  return { reader, seen };
}

/** Who last took each channel. */
const producers = new WeakMap<Channel, ProducerLink>();

function start(channel: Channel, producer: ProducerLink, log: MemoryLog, now: number): void {
  channel.start(producer, log, now);
  producers.set(channel, producer);
}

/** Messages of the last producer (or `producer`) that come in one slice; readers are not woken. */
function append(
  channel: Channel,
  messages: string[],
  now = 0,
  producer = producers.get(channel)!,
): number {
  const records = runOf(...messages);
  const last = records.length - encodeRecord(bytesOf(messages.at(-1)!)).length;
  return channel.append(producer, { records, count: messages.length, last }, now);
}

/** A channel whose producer has sent `slices`. */
function started(...slices: string[][]) {
  const channel = new Channel("channel", 0);
  const producer = new Producer();
  start(channel, producer, new MemoryLog("one"), 0);
  for (const messages of slices) append(channel, messages);
  return { channel, producer };
}

const ENDINGS: [sentence: string, messages: string[], clean: boolean, status: string][] = [
  ["an error and a goodbye are an error", [token("a"), ERROR], true, "error"],
  ["an error and a cut connection are an error", [ERROR], false, "error"],
  ["an encrypted message and a goodbye are closed", [ENC], true, "closed"],
  ["an encrypted message and a cut connection are lost", [ENC], false, "lost"],
  ["tokens and a goodbye without done are lost", [token("a"), token("b")], true, "lost"],
  ["tokens and a cut connection are lost", [token("a")], false, "lost"],
  ["nothing at all and a goodbye is lost", [], true, "lost"],
  ["nothing at all and a cut connection is lost", [], false, "lost"],
  ["an encrypted message before a token is lost", [ENC, token("a")], true, "lost"],
  ["a token before an encrypted message is closed", [token("a"), ENC], true, "closed"],
  ["an error that was not the last message is lost", [ERROR, token("a")], true, "lost"],
  ["a message of another type is lost", ['{"type":"meta"}'], true, "lost"],
  ["a message that is not JSON is lost", ["done"], true, "lost"],
  ["done inside another message is lost", ['{"a":{"type":"done"}}'], true, "lost"],
];
for (const [sentence, messages, clean, status] of ENDINGS) {
  Deno.test(`the stream of a producer that leaves ends as it should: ${sentence}`, () => {
    const together = started(...(messages.length === 0 ? [] : [messages]));
    const oneByOne = started(...messages.map((message) => [message]));
    for (const { channel, producer } of [together, oneByOne]) {
      const { seen } = readerOf(channel);
      assert.deepEqual([channel.live, channel.end], [true, undefined]);
      channel.leave(producer, clean, 7);
      assert.deepEqual([channel.live, channel.end], [false, { status }]);
      assert.deepEqual(seen, ["begin one 0", ...messages, `end ${status}`]);
      assert.equal(channel.activeAt, 7);
      assert.deepEqual(producer.dropped, []);
    }
  });
}

const DONE_ENDINGS: [status: string, messages: string[]][] = [
  ["done", [DONE]],
  ["done", [token("a"), DONE]],
  ["done", [ENC, DONE]],
  ["done", [ERROR, token("a"), DONE]],
  ["error", [ERROR, DONE]],
  ["error", [token("a"), ERROR, DONE]],
];
for (const [status, messages] of DONE_ENDINGS) {
  const types = messages.map((message) => JSON.parse(message).type).join(", ");
  Deno.test(`${types} ends the stream as ${status} at once, and the producer's leaving changes nothing`, () => {
    for (const slices of [[messages], messages.map((message) => [message])]) {
      for (const clean of [true, false]) {
        const { channel, producer } = started();
        const { seen } = readerOf(channel);
        for (const slice of slices) append(channel, slice, 5);
        assert.deepEqual([channel.live, channel.end], [false, { status }]);
        channel.wake();
        channel.leave(producer, clean, 9);
        assert.deepEqual(channel.end, { status });
        assert.equal(channel.activeAt, 5);
        assert.deepEqual(seen, ["begin one 0", ...messages, `end ${status}`]);
      }
    }
  });
}

Deno.test("a done said twice is tolerated and told once", () => {
  const { channel } = started([token("a")], [DONE]);
  const { seen } = readerOf(channel);
  assert.equal(append(channel, [DONE]), 0);
  channel.wake();
  assert.deepEqual(seen, ["begin one 0", token("a"), DONE, "end done"]);
  assert.equal(channel.log?.next, 2);
});

Deno.test("any other message after done is refused and not kept", () => {
  for (const message of [token("b"), ERROR, ENC, "?"]) {
    const { channel } = started([token("a"), DONE]);
    assert.throws(() => append(channel, [message]), { name: "RelayError", code: "protocol" });
    assert.throws(() => append(channel, [message, DONE]), { code: "protocol" });
    assert.equal(channel.log?.next, 2);
  }
});

Deno.test("a message of a producer whose stream has expired is refused", () => {
  const { channel } = started([token("a")]);
  channel.expire(1);
  assert.throws(() => append(channel, [token("b")]), { code: "protocol" });
});

Deno.test("a channel tells by how much its log grew, also where it forgot more than it took", () => {
  const channel = new Channel("channel", 0);
  const log = new MemoryLog("one", { maxBytes: 8192 });
  start(channel, new Producer(), log, 0);
  let bytes = 0;
  const grown = [6000, ...new Array(20).fill(1000)].map((size) => {
    const more = append(channel, [token("x".repeat(size))]);
    bytes += more;
    assert.equal(bytes, log.bytes);
    return more;
  });
  assert.ok(grown[0] > 6000);
  assert.ok(Math.min(...grown) < 0);
});

Deno.test("readers are given what has come when they are woken, in one piece", () => {
  const { channel } = started();
  const { seen } = readerOf(channel);
  append(channel, [token("a")]);
  append(channel, [token("b"), token("c")]);
  assert.deepEqual(seen, ["begin one 0"]);
  channel.wake();
  assert.deepEqual(seen.slice(1), [token("a"), token("b"), token("c")]);
});

Deno.test("a reader that comes late is given everything from the beginning", () => {
  const { channel, producer } = started([token("a"), token("b")]);
  const { seen } = readerOf(channel);
  assert.deepEqual(seen, ["begin one 0", token("a"), token("b")]);
  append(channel, [DONE]);
  channel.wake();
  channel.leave(producer, true, 1);
  assert.deepEqual(readerOf(channel).seen, [...seen.slice(0, 3), DONE, "end done"]);
  assert.deepEqual(seen.slice(3), [DONE, "end done"]);
});

Deno.test("readers that wait begin with the producer", () => {
  const channel = new Channel("channel", 0);
  const readers = [readerOf(channel), readerOf(channel)];
  assert.deepEqual([channel.live, channel.log, channel.end], [false, undefined, undefined]);
  start(channel, new Producer(), new MemoryLog("one"), 3);
  assert.deepEqual([channel.activeAt, channel.startedAt], [3, 3]);
  append(channel, [token("a")], 4);
  channel.wake();
  assert.deepEqual([channel.activeAt, channel.startedAt], [4, 3]);
  for (const { seen } of readers) assert.deepEqual(seen, ["begin one 0", token("a")]);
});

Deno.test("a second producer is refused while the first is connected, which does not notice", () => {
  const { channel, producer } = started([token("a")]);
  const { seen } = readerOf(channel);
  const second = new Producer();
  assert.throws(() => start(channel, second, new MemoryLog("two"), 1), { code: "producer_exists" });
  channel.leave(second, false, 2);
  assert.deepEqual([channel.live, channel.log?.epoch], [true, "one"]);
  append(channel, [DONE]);
  channel.wake();
  assert.deepEqual(seen, ["begin one 0", token("a"), DONE, "end done"]);
  assert.deepEqual([producer.dropped, second.dropped], [[], []]);
});

Deno.test("a second producer after the first starts anew, and readers of the first read that to its end", () => {
  const { channel, producer } = started([token("a")]);
  const old = readerOf(channel);
  append(channel, [token("b")]);
  channel.leave(producer, true, 1);
  const second = new Producer();
  start(channel, second, new MemoryLog("two"), 2);
  const young = readerOf(channel);
  append(channel, [token("c"), DONE], 3);
  channel.wake();
  assert.deepEqual(old.seen, ["begin one 0", token("a"), token("b"), "end lost"]);
  assert.deepEqual(young.seen, ["begin two 0", token("c"), DONE, "end done"]);
  assert.equal(channel.startedAt, 2);
});

Deno.test("how the first stream stood says nothing about the second", () => {
  for (const message of [ERROR, ENC]) {
    const { channel, producer } = started([message]);
    channel.leave(producer, true, 1);
    const second = new Producer();
    start(channel, second, new MemoryLog("two"), 2);
    channel.leave(second, true, 3);
    assert.deepEqual(channel.end, { status: "lost" });
  }
});

Deno.test("a producer whose stream is over cannot end the one of its successor by leaving", () => {
  const { channel, producer } = started([DONE]);
  start(channel, new Producer(), new MemoryLog("two"), 1);
  channel.leave(producer, true, 2);
  assert.deepEqual([channel.live, channel.end], [true, undefined]);
});

Deno.test("a producer whose stream is over cannot end or add to the one of its successor", () => {
  const { channel, producer } = started([DONE]);
  start(channel, new Producer(), new MemoryLog("two"), 1);
  assert.equal(append(channel, [DONE], 2, producer), 0);
  assert.throws(() => append(channel, [token("b")], 2, producer), { code: "protocol" });
  assert.deepEqual([channel.live, channel.end, channel.log?.next], [true, undefined, 0]);
});

Deno.test("a channel that expires tells its producer and all its readers", () => {
  const { channel, producer } = started([token("a")]);
  const { seen } = readerOf(channel);
  append(channel, [token("b")]);
  channel.expire(8);
  assert.deepEqual(producer.dropped, ["expired"]);
  assert.deepEqual(seen, ["begin one 0", token("a"), token("b"), "end expired"]);
  assert.deepEqual([channel.live, channel.end], [false, { status: "expired" }]);
  assert.equal(channel.activeAt, 8);
  channel.leave(producer, false, 9);
  assert.deepEqual(channel.end, { status: "expired" });
});

Deno.test("a channel that expires before a producer came tells its readers, once", () => {
  const channel = new Channel("channel", 0);
  const { seen } = readerOf(channel);
  channel.expire(1);
  channel.expire(2);
  channel.wake();
  assert.deepEqual(seen, ["end expired"]);
});

Deno.test("a stream that has ended keeps its ending when its channel expires", () => {
  const { channel, producer } = started([DONE]);
  channel.expire(1);
  assert.deepEqual(channel.end, { status: "done" });
  assert.deepEqual(producer.dropped, []);
});
