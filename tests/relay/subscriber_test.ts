import assert from "node:assert/strict";
import fc from "fast-check";
import type { ChannelLog, Cursor } from "../../src/log/channel_log.ts";
import { MemoryLog, type MemoryLogOptions } from "../../src/log/memory_log.ts";
import { payloads } from "../../src/protocol/record.ts";
import type { Beginning, Outlet } from "../../src/relay/outlet.ts";
import { Subscriber } from "../../src/relay/subscriber.ts";
import { appendEach, runOf, words } from "../log/channel_log_conformance.ts";

/** An outlet that has room for as many runs as `room` says, and keeps what it is given as a socket does: by view. */
class Screen implements Outlet {
  room = Infinity;
  /** The view that is still being read from. */
  pending: Uint8Array | undefined;
  /** All that was told, in order; messages as they were when their view was let go. */
  readonly seen: string[] = [];
  writes = 0;
  next = 0;

  readonly toldOfGaps: boolean = false;
  /** Whether a gap before the first message is taken. */
  startsLate = true;

  begin({ from }: Beginning): void {
    this.seen.push(`begin ${from}`);
    this.next = from;
  }

  /** As a plain reader: told of a gap before its first message only. */
  gap(_from: number, to: number): boolean {
    if (this.writes === 0 && this.startsLate) {
      this.seen.push(`gap ${to}`);
      this.next = to;
      return true;
    }
    this.seen.push("fell behind");
    return false;
  }

  producer(state: string): void {
    this.seen.push(`producer ${state}`);
  }

  refuse({ code }: { code: string }): void {
    this.seen.push(`refused ${code}`);
  }

  write(records: Uint8Array, seq: number): boolean {
    assert.equal(this.pending, undefined, "written to before it had drained");
    assert.equal(seq, this.next, "not the place of the next message");
    this.writes++;
    this.next += [...payloads(records)].length;
    this.pending = records;
    if (--this.room < 0) return false;
    this.take();
    return true;
  }

  /** The view that was given last is of no more use. */
  take(): void {
    for (const payload of payloads(this.pending!)) {
      this.seen.push(new TextDecoder().decode(payload));
    }
    this.pending = undefined;
  }

  end({ status }: { status: string }): void {
    this.seen.push(`end ${status}`);
  }
}

/** A reader of a log that its outlet takes nothing of until `drain` is called. */
function slowReader(log: ChannelLog) {
  const screen = new Screen();
  screen.room = 0;
  const reader = new Subscriber(screen);
  reader.begin(log);
  const drain = (room = 0) => {
    screen.take();
    screen.room = room;
    reader.drained();
  };
  return { reader, screen, drain };
}

/** A log that counts how many runs are held. */
class CountingLog extends MemoryLog {
  held = 0;
  reads = 0;

  constructor(options?: MemoryLogOptions) {
    super("epoch", options);
  }

  override read(cursor: Cursor) {
    this.reads++;
    return super.read(cursor);
  }

  override hold(cursor: Cursor): void {
    this.held++;
    super.hold(cursor);
  }

  override release(cursor: Cursor): void {
    this.held--;
    super.release(cursor);
  }
}

Deno.test("a subscriber reads what is there, then what comes, then the end", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, ["a", "b"]);
  const screen = new Screen();
  const reader = new Subscriber(screen);
  assert.equal(reader.log, undefined);
  reader.wake();
  assert.deepEqual(screen.seen, []);
  reader.begin(log);
  assert.equal(reader.log, log);
  appendEach(log, ["c"]);
  reader.wake();
  reader.wake();
  log.close({ status: "done" });
  reader.wake();
  reader.wake();
  assert.deepEqual(screen.seen, ["begin 0", "a", "b", "c", "end done"]);
});

Deno.test("a subscriber of a log that has forgotten its beginning says where it begins", () => {
  const log = new MemoryLog("epoch", { maxMessages: 2 });
  appendEach(log, ["a", "b", "c", "d", "e"]);
  const screen = new Screen();
  new Subscriber(screen).begin(log);
  assert.deepEqual(screen.seen, ["begin 0", "gap 3", "d", "e"]);
});

Deno.test("a subscriber of an ended log reads it and is told the end", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, ["a"]);
  log.close({ status: "lost" });
  const screen = new Screen();
  new Subscriber(screen).begin(log);
  assert.deepEqual(screen.seen, ["begin 0", "a", "end lost"]);
});

Deno.test("an outlet without room is given nothing until it has drained, then all at once", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, ["first"]);
  const { reader, screen, drain } = slowReader(log);
  assert.equal(reader.blocked, true);
  for (const message of words(50)) {
    appendEach(log, [message]);
    reader.wake();
  }
  assert.equal(screen.writes, 1);
  drain(Infinity);
  assert.equal(reader.blocked, false);
  assert.equal(screen.writes, 2);
  assert.deepEqual(screen.seen, ["begin 0", "first", ...words(50)]);
});

Deno.test("a subscriber holds one view at most, and none while its outlet has room", () => {
  const log = new CountingLog();
  appendEach(log, ["first"]);
  const { reader, screen, drain } = slowReader(log);
  for (let round = 0; round < 20; round++) {
    assert.equal(log.held, 1);
    const reads = log.reads;
    for (const message of words(100, 100)) {
      appendEach(log, [message]);
      reader.wake();
    }
    assert.equal(log.reads, reads, "read although there is no room");
    assert.equal(log.held, 1);
    const pending = screen.pending;
    drain();
    assert.notEqual(screen.pending, pending);
  }
  while (reader.blocked) drain(Infinity);
  assert.equal(log.held, 0);
  appendEach(log, ["with room"]);
  reader.wake();
  assert.equal(log.held, 0);
  assert.equal(screen.seen.length, 2 + 2000 + 1);
});

Deno.test("a view on its way is intact until it has drained, whatever the log forgets", () => {
  const log = new MemoryLog("epoch", { maxMessages: 1000, maxBytes: 4096 });
  appendEach(log, words(10));
  const { reader, screen, drain } = slowReader(log);
  for (let i = 0; i < 2000; i++) {
    appendEach(log, ["x".repeat(100)]);
    reader.wake();
  }
  drain();
  assert.deepEqual(screen.seen, ["begin 0", "fell behind", ...words(10)]);
});

Deno.test("a slow reader is told once that it fell behind, as soon as its next message is forgotten", () => {
  const log = new MemoryLog("epoch", { maxMessages: 5 });
  appendEach(log, ["first"]);
  const { reader, screen, drain } = slowReader(log);
  for (const message of words(5)) {
    appendEach(log, [message]);
    reader.wake();
  }
  assert.deepEqual(screen.seen, ["begin 0"]); // all it still has to get is retained
  appendEach(log, ["one too many"]);
  reader.wake();
  assert.deepEqual(screen.seen, ["begin 0", "fell behind"]);
  appendEach(log, words(20));
  reader.wake();
  drain(Infinity);
  log.close({ status: "done" });
  reader.wake();
  reader.abandon({ status: "expired" });
  assert.deepEqual(screen.seen, ["begin 0", "fell behind", "first"]);
});

Deno.test("a slow reader whose messages are just retained loses none", () => {
  const log = new MemoryLog("epoch", { maxMessages: 5 });
  appendEach(log, ["first"]);
  const { reader, screen, drain } = slowReader(log);
  appendEach(log, words(5));
  reader.wake();
  drain(Infinity);
  assert.deepEqual(screen.seen, ["begin 0", "first", ...words(5)]);
});

Deno.test("a slow reader disturbs neither the others nor the log", () => {
  const log = new MemoryLog("epoch", { maxMessages: 10 });
  appendEach(log, ["first"]);
  const slow = slowReader(log);
  const screen = new Screen();
  const quick = new Subscriber(screen);
  quick.begin(log);
  for (const message of words(500)) {
    appendEach(log, [message]);
    quick.wake();
    slow.reader.wake();
  }
  log.close({ status: "done" });
  quick.wake();
  assert.deepEqual(screen.seen, ["begin 0", "first", ...words(500), "end done"]);
  assert.equal(log.next, 501);
  assert.deepEqual(slow.screen.seen, ["begin 0", "fell behind"]);
});

Deno.test("the end is told when the last message has been taken, not before", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, ["first"]);
  const { reader, screen, drain } = slowReader(log);
  log.close({ status: "error" });
  reader.wake();
  assert.deepEqual(screen.seen, ["begin 0"]);
  drain();
  assert.deepEqual(screen.seen, ["begin 0", "first", "end error"]);
});

Deno.test("a subscriber that is abandoned is told the end, once, and nothing after", () => {
  const screen = new Screen();
  const reader = new Subscriber(screen);
  reader.abandon({ status: "expired" });
  reader.abandon({ status: "lost" });
  reader.wake();
  reader.drained();
  assert.deepEqual(screen.seen, ["end expired"]);
});

Deno.test("whatever the pace, each message is told once, in order, or the reader is told that it is not", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 4, arbitrary: fc.record({ room: fc.integer({ min: 0, max: 3 }) }) },
  );
  const steps = fc.array<{ append: number } | { room: number }>(step, { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), steps, (maxMessages, steps) => {
      const log = new CountingLog({ maxMessages, maxBytes: 8192 });
      const { reader, screen, drain } = slowReader(log);
      screen.startsLate = false;
      const messages: string[] = [];
      for (const step of steps) {
        if ("append" in step) {
          const more = Array.from({ length: step.append }, (_, i) => `${messages.length + i}`);
          log.append(runOf(...more), more.length);
          messages.push(...more);
          reader.wake();
        } else if (reader.blocked) drain(step.room);
        else screen.room = step.room;
        assert.equal(log.held, reader.blocked ? 1 : 0);
      }
      log.close({ status: "done" });
      reader.wake();
      while (reader.blocked) drain(Infinity);
      const told = screen.seen.slice(1);
      const texts = told.filter((text) => /^\d/.test(text));
      const endings = told.filter((text) => !/^\d/.test(text));
      assert.deepEqual(texts, messages.slice(0, texts.length));
      assert.deepEqual(endings, [texts.length === messages.length ? "end done" : "fell behind"]);
    }),
    { numRuns: 300 },
  );
});
