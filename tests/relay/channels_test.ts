import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/errors.ts";
import { encodeRecord, payloads } from "../../src/protocol/record.ts";
import type { Channel } from "../../src/relay/channel.ts";
import { Channels } from "../../src/relay/channels.ts";
import { DEFAULT_LIMITS, type RelayLimits } from "../../src/relay/limits.ts";
import type { ProducerLink } from "../../src/relay/producer_link.ts";
import { shortId } from "../../src/relay/short_id.ts";
import { Subscriber } from "../../src/relay/subscriber.ts";
import { bytesOf } from "../helpers/client_frames.ts";
import { runOf } from "../log/channel_log_conformance.ts";

const KiB = 1024;
const TIMEOUT = DEFAULT_LIMITS.channelTimeoutMs;
const RETAIN = 120_000;
/** Some time that is not 0. */
const T = 1_000_000;

const token = (content: string) => JSON.stringify({ type: "token", content });
const DONE = '{"type":"done"}';

function relay(limits: Partial<RelayLimits> = {}): Channels {
  return new Channels({ ...DEFAULT_LIMITS, retainMs: RETAIN, ...limits }, T);
}

/** A producer of a channel. */
class Producer implements ProducerLink {
  readonly resumable = false;
  cancel(): boolean {
    return false;
  }
  eased(): void {}
  readonly dropped: ErrorCode[] = [];
  readonly channel: Channel;
  readonly #channels: Channels;

  constructor(channels: Channels, id: string) {
    this.#channels = channels;
    this.channel = channels.produce(id, this);
  }

  drop({ code }: { code: ErrorCode }): void {
    this.dropped.push(code);
  }

  send(...messages: string[]): this {
    const records = runOf(...messages);
    const last = records.length - encodeRecord(bytesOf(messages.at(-1)!)).length;
    this.#channels.append(this.channel, this, { records, count: messages.length, last });
    this.#channels.flush(this.channel);
    return this;
  }

  leave(): void {
    this.#channels.leave(this.channel, this, true);
  }
}

/** A reader of a channel; one that is `stuck` takes a first run and is never done with it. */
class Reader {
  readonly seen: string[] = [];
  readonly channel: Channel;
  readonly #channels: Channels;
  readonly #subscriber: Subscriber;

  constructor(channels: Channels, id: string, { stuck = false } = {}) {
    this.#channels = channels;
    this.#subscriber = new Subscriber({
      toldOfGaps: false,
      begin: ({ from }) => void this.seen.push(`begin ${from}`),
      write: (records) => {
        for (const payload of payloads(records)) {
          this.seen.push(new TextDecoder().decode(payload));
        }
        return !stuck;
      },
      end: ({ status }) => void this.seen.push(`end ${status}`),
      gap: (_from, to) => {
        const started = this.seen.length > 1;
        this.seen.push(started ? "fell behind" : `gap ${to}`);
        return !started;
      },
      producer: (state) => void this.seen.push(`producer ${state}`),
      refuse: ({ code }) => void this.seen.push(`refused ${code}`),
    });
    this.channel = channels.consume(id, this.#subscriber);
  }

  leave(): void {
    this.#channels.unsubscribe(this.channel, this.#subscriber);
  }
}

/** Whether a new reader of `id` finds a stream there; it leaves at once. */
function hasStream(channels: Channels, id: string): boolean {
  const reader = new Reader(channels, id);
  reader.leave();
  return reader.seen.length > 0;
}

/** Sends messages of 1 KiB until it is `enough`. */
function fill(producer: Producer, enough: (sent: number) => boolean): void {
  for (let sent = 0; !enough(sent); sent++) {
    assert.ok(sent < 10_000, "it is never enough");
    producer.send(token("x".repeat(KiB)));
  }
}

Deno.test("producer and readers of one id meet in any order, those of another do not", () => {
  const channels = relay();
  const early = new Reader(channels, "a");
  const producer = new Producer(channels, "a").send(token("1"));
  const late = new Reader(channels, "a");
  const other = new Reader(channels, "b");
  producer.send(token("2"), DONE);
  const last = new Reader(channels, "a");
  for (const { seen } of [early, late, last]) {
    assert.deepEqual(seen, ["begin 0", token("1"), token("2"), DONE, "end done"]);
  }
  assert.deepEqual(other.seen, []);
  assert.equal(channels.size, 2);
});

Deno.test("each producer run has an epoch of its own", () => {
  const channels = relay();
  const epochs = ["a", "b", "a"].map((id) =>
    new Producer(channels, id).send(DONE).channel.log!.epoch
  );
  assert.equal(new Set(epochs).size, 3);
});

Deno.test("a second producer is refused while the first is connected", () => {
  const channels = relay();
  const first = new Producer(channels, "a").send(token("1"));
  assert.throws(() => new Producer(channels, "a"), { code: "producer_exists" });
  first.send(token("2"));
  assert.deepEqual(new Reader(channels, "a").seen, ["begin 0", token("1"), token("2")]);
  assert.deepEqual(first.dropped, []);
});

Deno.test("a producer that comes after the first has left, or is done, restarts the channel", () => {
  for (const end of [(first: Producer) => first.leave(), (first: Producer) => first.send(DONE)]) {
    const channels = relay();
    const first = new Producer(channels, "a").send(token("old"));
    end(first);
    new Producer(channels, "a").send(token("new"));
    assert.deepEqual(new Reader(channels, "a").seen, ["begin 0", token("new")]);
    assert.equal(channels.size, 1);
  }
});

Deno.test("a restarted channel counts the memory of its old log until nobody reads it", () => {
  const channels = relay();
  const first = new Producer(channels, "a");
  fill(first, (sent) => sent === 50);
  const old = first.channel.log!;
  const stuck = new Reader(channels, "a", { stuck: true });
  first.leave();
  const second = new Producer(channels, "a");
  second.send(token("x"));
  assert.equal(channels.bytes, old.bytes + second.channel.log!.bytes);
  stuck.leave();
  assert.equal(channels.bytes, second.channel.log!.bytes);
  assert.equal(old.bytes, 0);
});

Deno.test("a restarted channel whose old log nobody reads counts the new one only", () => {
  const channels = relay();
  const first = new Producer(channels, "a");
  fill(first, (sent) => sent === 50);
  first.leave();
  const second = new Producer(channels, "a");
  assert.equal(channels.bytes, 0);
  second.send(token("x"));
  assert.equal(channels.bytes, second.channel.log!.bytes);
});

Deno.test("large single messages together stay within the memory of all channels", () => {
  const channels = relay({ maxMemory: 1000 * 1024 });
  for (let k = 0; k < 10; k++) {
    new Producer(channels, `c${k}`).send("x".repeat(300 * 1024));
    assert.ok(channels.bytes <= 1000 * 1024, `${channels.bytes} bytes held`);
  }
});

Deno.test("one channel more than the limit is refused, for producers and readers alike", () => {
  const channels = relay({ maxChannels: 2 });
  const producer = new Producer(channels, "a");
  const waiting = new Reader(channels, "b");
  for (const Client of [Producer, Reader]) {
    assert.throws(() => new Client(channels, "c"), { name: "RelayError", code: "limit" });
  }
  new Reader(channels, "a");
  new Producer(channels, "b").send(token("hello"));
  assert.deepEqual(waiting.seen, ["begin 0", token("hello")]);
  producer.send(DONE);
  assert.throws(() => new Producer(channels, "c"), { code: "limit" }); // still readable
  assert.equal(channels.size, 2);
});

Deno.test("a channel that nobody waits for any more makes room for another", () => {
  const channels = relay({ maxChannels: 1 });
  const [one, two] = [new Reader(channels, "a"), new Reader(channels, "a")];
  one.leave();
  assert.equal(channels.size, 1);
  two.leave();
  assert.equal(channels.size, 0);
  new Producer(channels, "b");
});

Deno.test("one reader more than the limit is refused until another one leaves", () => {
  const channels = relay({ maxConsumers: 2 });
  const producer = new Producer(channels, "a");
  const [one] = [new Reader(channels, "a"), new Reader(channels, "a")];
  assert.throws(() => new Reader(channels, "a"), { name: "RelayError", code: "limit" });
  new Reader(channels, "b");
  one.leave();
  const third = new Reader(channels, "a");
  producer.send(DONE);
  assert.deepEqual(third.seen, ["begin 0", DONE, "end done"]);
});

Deno.test("a channel keeps as many messages and bytes as its limits say", () => {
  const few = relay({ maxBuffer: 3 });
  const producer = new Producer(few, "a");
  for (const word of ["1", "2", "3", "4", "5"]) producer.send(token(word));
  assert.deepEqual(new Reader(few, "a").seen, [
    "begin 0",
    "gap 2",
    token("3"),
    token("4"),
    token("5"),
  ]);

  const small = relay({ maxBufferBytes: 32 * KiB });
  fill(new Producer(small, "a"), (sent) => sent === 200);
  assert.ok(small.bytes <= 32 * KiB);
});

Deno.test("a reader that waits for a producer in vain is told so, and its channel goes", () => {
  const channels = relay();
  const reader = new Reader(channels, "a");
  channels.sweep(T + TIMEOUT - 1);
  assert.deepEqual([reader.seen, channels.size], [[], 1]);
  channels.sweep(T + TIMEOUT);
  assert.deepEqual([reader.seen, channels.size], [["end expired"], 0]);
  reader.leave();
  assert.equal(channels.size, 0);
});

Deno.test("a reader that leaves an expired channel late does not take its successor away", () => {
  const channels = relay();
  const old = new Reader(channels, "a");
  channels.sweep(T + TIMEOUT);
  const producer = new Producer(channels, "a").send(token("1"));
  old.leave();
  assert.deepEqual(new Reader(channels, "a").seen, ["begin 0", token("1")]);
  producer.send(DONE);
  channels.sweep(T + TIMEOUT + RETAIN);
  assert.equal(channels.bytes, producer.channel.log!.bytes); // the new reader is still there
});

Deno.test("a reader that joins others gives their wait new time", () => {
  const channels = relay();
  const first = new Reader(channels, "a");
  channels.sweep(T + TIMEOUT - 1);
  const second = new Reader(channels, "a");
  channels.sweep(T + 2 * TIMEOUT - 2);
  assert.deepEqual(first.seen, []);
  channels.sweep(T + 2 * TIMEOUT - 1);
  for (const { seen } of [first, second]) assert.deepEqual(seen, ["end expired"]);
});

Deno.test("a producer without readers is dropped once it has been idle for the time limit", () => {
  const channels = relay();
  const producer = new Producer(channels, "a");
  channels.sweep(T + TIMEOUT - 1);
  producer.send(token("still there"));
  channels.sweep(T + 2 * TIMEOUT - 2);
  assert.deepEqual(producer.dropped, []);
  channels.sweep(T + 2 * TIMEOUT - 1);
  assert.deepEqual(producer.dropped, ["expired"]);
  assert.deepEqual(producer.channel.end, { status: "expired" });
});

Deno.test("a stream that expired stays readable as long as others that have ended", () => {
  const channels = relay();
  const producer = new Producer(channels, "a").send(token("1"));
  channels.sweep(T + TIMEOUT);
  producer.leave();
  const late = new Reader(channels, "a");
  assert.deepEqual(late.seen, ["begin 0", token("1"), "end expired"]);
  late.leave();
  channels.sweep(T + TIMEOUT + RETAIN - 1);
  assert.equal(channels.size, 1);
  channels.sweep(T + TIMEOUT + RETAIN);
  assert.deepEqual([channels.size, channels.bytes], [0, 0]);
});

Deno.test("a channel with both sides never expires, however silent", () => {
  const channels = relay();
  const producer = new Producer(channels, "a");
  const reader = new Reader(channels, "a");
  channels.sweep(T + 1000 * TIMEOUT);
  producer.send(token("at last"));
  assert.deepEqual(reader.seen, ["begin 0", token("at last")]);
});

Deno.test("when the last reader leaves, the producer's time begins", () => {
  const channels = relay();
  const producer = new Producer(channels, "a");
  const [one, two] = [new Reader(channels, "a"), new Reader(channels, "a")];
  channels.sweep(T + 10 * TIMEOUT);
  one.leave();
  channels.sweep(T + 20 * TIMEOUT);
  two.leave();
  channels.sweep(T + 21 * TIMEOUT - 1);
  assert.deepEqual(producer.dropped, []);
  channels.sweep(T + 21 * TIMEOUT);
  assert.deepEqual(producer.dropped, ["expired"]);
});

Deno.test("a finished stream stays readable for its time, then its channel and memory go", () => {
  for (const messages of [[token("1"), DONE], [token("1")]]) {
    const channels = relay();
    const producer = new Producer(channels, "a").send(...messages);
    channels.sweep(T + 10);
    producer.leave();
    const endedAt = messages.includes(DONE) ? T : T + 10;
    channels.sweep(endedAt + RETAIN - 1);
    assert.equal(channels.size, 1);
    assert.ok(channels.bytes > 0);
    channels.sweep(endedAt + RETAIN);
    assert.deepEqual([channels.size, channels.bytes], [0, 0]);
    assert.equal(producer.channel.log!.bytes, 0);
    assert.equal(hasStream(channels, "a"), false);
  }
});

Deno.test("a reader of a finished stream keeps it for its time, and while it is there", () => {
  const channels = relay();
  new Producer(channels, "a").send(DONE).leave();
  channels.sweep(T + RETAIN - 1);
  const reader = new Reader(channels, "a", { stuck: true });
  channels.sweep(T + 5 * RETAIN);
  assert.equal(channels.size, 1);
  reader.leave();
  channels.sweep(T + 5 * RETAIN + 1);
  assert.deepEqual([channels.size, channels.bytes], [0, 0]);
});

Deno.test("joining a finished stream gives it its time anew", () => {
  const channels = relay();
  new Producer(channels, "a").send(DONE).leave();
  channels.sweep(T + RETAIN - 1);
  assert.equal(hasStream(channels, "a"), true);
  channels.sweep(T + 2 * RETAIN - 2);
  assert.equal(channels.size, 1);
  channels.sweep(T + 2 * RETAIN - 1);
  assert.equal(channels.size, 0);
});

Deno.test("a sweep treats each channel by itself", () => {
  const channels = relay();
  const idle = Array.from({ length: 10 }, (_, i) => new Producer(channels, `idle ${i}`));
  channels.sweep(T + TIMEOUT - 1);
  const busy = idle.filter((_, i) => i % 3 === 0);
  for (const producer of busy) producer.send(token("busy"));
  const young = new Producer(channels, "young");
  channels.sweep(T + TIMEOUT);
  for (const producer of [...idle, young]) {
    const lives = busy.includes(producer) || producer === young;
    assert.deepEqual(producer.dropped, lives ? [] : ["expired"]);
    assert.equal(producer.channel.live, lives);
  }
});

Deno.test("memory is that of all logs together, and none is left when all are gone", () => {
  const channels = relay();
  const producers = ["a", "b", "c"].map((id) => new Producer(channels, id));
  for (let round = 0; round < 50; round++) {
    for (const [i, producer] of producers.entries()) {
      producer.send(token("x".repeat(100 * i)));
      const held = producers.map(({ channel }) => channel.log!.bytes);
      assert.equal(channels.bytes, held.reduce((sum, bytes) => sum + bytes));
    }
  }
  for (const producer of producers) producer.leave();
  channels.sweep(T + RETAIN);
  assert.deepEqual([channels.size, channels.bytes], [0, 0]);
});

Deno.test("when memory is short, ended streams go first, the oldest of them before others", () => {
  const channels = relay({ maxMemory: 100 * KiB, maxBufferBytes: 128 * KiB });
  const ids = ["first", "second", "third"];
  for (const id of ids) {
    const producer = new Producer(channels, id);
    fill(producer, (sent) => sent === 20);
    producer.send(DONE);
  }
  const live = new Producer(channels, "live");
  for (const i of ids.keys()) {
    fill(live, () => channels.size <= 3 - i);
    assert.deepEqual(ids.map((id) => hasStream(channels, id)), ids.map((_, k) => k > i));
    assert.equal(live.channel.log!.first, 0, "a live log forgot while ended ones were left");
  }
  assert.ok(channels.bytes <= 100 * KiB);
});

Deno.test("when memory is short and no ended stream is left, the largest log forgets", () => {
  const channels = relay({ maxMemory: 200 * KiB });
  const [small, large] = [new Producer(channels, "small"), new Producer(channels, "large")];
  const until = (count: number) => (sent: number) => {
    assert.ok(channels.bytes <= 200 * KiB);
    return sent === count;
  };
  fill(small, until(30));
  fill(large, until(1000));
  assert.ok(large.channel.log!.first > 0);
  assert.equal(small.channel.log!.first, 0);
  fill(small, until(1000)); // now it is the larger of the two
  assert.ok(small.channel.log!.first > 0);
  assert.ok(large.channel.log!.first < 1000, "the other one lost all");
  assert.deepEqual([small.dropped, large.dropped], [[], []]);
});

Deno.test("a stream that still has readers is not dropped, but may forget", () => {
  const channels = relay({ maxMemory: 200 * KiB });
  const ended = new Producer(channels, "ended");
  fill(ended, (sent) => sent === 100);
  const reader = new Reader(channels, "ended", { stuck: true });
  ended.send(DONE).leave();
  const live = new Producer(channels, "live");
  fill(live, (sent) => {
    assert.ok(channels.bytes <= 200 * KiB);
    return sent === 300;
  });
  assert.equal(channels.size, 2);
  assert.ok(ended.channel.log!.first > 0);
  reader.leave();
  fill(live, () => channels.size === 1);
});

Deno.test("a bound on all memory below one message keeps the message", () => {
  const channels = relay({ maxMemory: KiB });
  const producer = new Producer(channels, "a");
  const reader = new Reader(channels, "a");
  for (const size of [10_000, 20_000]) producer.send(token("x".repeat(size)));
  assert.equal(reader.seen.length, 3);
});

Deno.test("a slow reader is told that it fell behind; its producer and the others do not notice", () => {
  const channels = relay({ maxBuffer: 20 });
  const producer = new Producer(channels, "a").send(token("first"));
  const slow = new Reader(channels, "a", { stuck: true });
  const quick = new Reader(channels, "a");
  const words = Array.from({ length: 100 }, (_, i) => token(`word ${i}`));
  for (const word of words) producer.send(word);
  producer.send(DONE).leave();
  assert.deepEqual(slow.seen, ["begin 0", token("first"), "fell behind"]);
  assert.deepEqual(quick.seen, ["begin 0", token("first"), ...words, DONE, "end done"]);
  assert.deepEqual(producer.dropped, []);
});

Deno.test("a thousand slow readers cost no memory of the log", () => {
  const alone = relay();
  const crowded = relay();
  const producers = [new Producer(alone, "a"), new Producer(crowded, "a")];
  for (const producer of producers) producer.send(token("first"));
  for (let i = 0; i < 1000; i++) new Reader(crowded, "a", { stuck: true });
  for (const producer of producers) fill(producer, (sent) => sent === 100);
  assert.equal(crowded.bytes, alone.bytes);
});

Deno.test("a log line shows too little of a channel's id to join it", () => {
  assert.equal(shortId("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), "3f2504e0");
  assert.equal(shortId("job-7"), "job-7");
});

Deno.test("one message larger than its channel's bound does not keep the others from forgetting", () => {
  const channels = new Channels({ ...DEFAULT_LIMITS, maxMemory: 1000 * 1024 }, 0);
  new Producer(channels, "large").send("x".repeat(400 * 1024));
  for (let k = 0; k < 20; k++) {
    const other = new Producer(channels, `other ${k}`);
    for (let i = 0; i < 60; i++) other.send("y".repeat(1024));
    assert.ok(channels.bytes <= 1000 * 1024, `${channels.bytes} bytes held`);
  }
});

Deno.test("what a producer owes stays with its channel, whoever comes after it", () => {
  const channels = relay({ maxMessageRate: 10 });
  const before = new Producer(channels, "c");
  before.channel.rate!.spend(1_000, 0, T);
  before.send(DONE).leave();
  assert.equal(new Producer(channels, "c").channel.rate!.waitMs(T), 99_000);
  assert.equal(new Producer(channels, "d").channel.rate!.waitMs(T), 0);
});

Deno.test("where no rate is set there is none to keep to", () => {
  assert.equal(new Producer(relay(), "c").channel.rate, undefined);
});
