/**
 * The tests that every {@linkcode ChannelLog} has to pass, whatever it keeps its messages in.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { ChannelLog, Cursor } from "../../src/log/channel_log.ts";
import { encodeRecord, payloads } from "../../src/protocol/record.ts";
import { assertSameBytes, bytesOf, concat } from "../helpers/client_frames.ts";

/** Bounds of a log, as its constructor takes them. */
export interface LogBounds {
  /** Messages retained at most (default 100,000). */
  maxMessages?: number;
  /** Bytes held at most (default 16 MiB). */
  maxBytes?: number;
}

/** Makes an empty log. */
export type OpenLog = (bounds: LogBounds) => ChannelLog;

/** Messages as a run of records. */
export function runOf(...messages: (string | Uint8Array)[]): Uint8Array {
  return concat(...messages.map((message) => encodeRecord(bytesOf(message))));
}

/** Appends each message by itself. */
export function appendEach(log: ChannelLog, messages: (string | Uint8Array)[]): void {
  for (const message of messages) log.append(runOf(message), 1);
}

/** The next run at the cursor as text, with a check that it is whole records and moves the cursor by their number. */
export function readTexts(log: ChannelLog, cursor: Cursor): string[] | undefined | "gone" {
  const seq = cursor.seq;
  const run = log.read(cursor);
  if (run === undefined || run === "gone") {
    assert.equal(cursor.seq, seq, "a cursor that reads nothing stays where it is");
    return run;
  }
  const messages = [...payloads(run)];
  assert.ok(messages.length > 0, "a run has messages");
  assertSameBytes(run, runOf(...messages), "a run is whole records");
  assert.equal(cursor.seq, seq + messages.length, "a cursor moves by the messages read");
  return messages.map((message) => new TextDecoder().decode(message));
}

/** All that is left to read at the cursor. */
export function readAll(log: ChannelLog, cursor: Cursor): string[] {
  const all: string[] = [];
  for (;;) {
    const texts = readTexts(log, cursor);
    if (texts === undefined) return all;
    if (texts === "gone") return assert.fail(`gone at ${cursor.seq} of ${log.first}–${log.next}`);
    all.push(...texts);
  }
}

/** `count` different messages. */
export function words(count: number, size = 0): string[] {
  return Array.from({ length: count }, (_, i) => `message ${i} `.padEnd(size, "*"));
}

/** Slack that a log has over `maxBytes`: its newest run always stays, in a block of memory. */
function slack(maxBytes: number, newestRun: number): number {
  return Math.max(newestRun, maxBytes / 8, 1024);
}

/** Registers the tests for the logs that `open` makes. */
export function channelLogConformance(name: string, open: OpenLog): void {
  const test = (sentence: string, fn: () => void) => Deno.test(`${name}: ${sentence}`, fn);

  test("a new log is empty and has not ended", () => {
    const log = open({});
    assert.deepEqual([log.first, log.next, log.end], [0, 0, undefined]);
    assert.equal(log.read(log.cursor(0)), undefined);
  });

  test("messages are read in the order they were appended, one by one or in runs", () => {
    const messages = words(500);
    for (const step of [1, 2, 7, 500]) {
      const log = open({});
      for (let i = 0; i < messages.length; i += step) {
        const part = messages.slice(i, i + step);
        log.append(runOf(...part), part.length);
      }
      assert.deepEqual(readAll(log, log.cursor(0)), messages);
      assert.deepEqual([log.first, log.next], [0, 500]);
    }
  });

  test("payloads are opaque: any bytes of any length come out as they went in", () => {
    const every = new Uint8Array(256).map((_, i) => i);
    const messages = [new Uint8Array(0), every, new Uint8Array(70_000).fill(0x81), every.reverse()];
    const log = open({});
    appendEach(log, messages);
    const cursor = log.cursor(0);
    const read: Uint8Array[] = [];
    for (let run = log.read(cursor); run instanceof Uint8Array; run = log.read(cursor)) {
      read.push(...[...payloads(run)].map((payload) => payload.slice()));
    }
    assert.equal(read.length, messages.length);
    messages.forEach((message, i) => assertSameBytes(read[i], message, `message ${i}`));
  });

  test("what is appended is copied", () => {
    const log = open({});
    const records = runOf("kept");
    log.append(records, 1);
    records.fill(0);
    assert.deepEqual(readAll(log, log.cursor(0)), ["kept"]);
  });

  test("first and next are exact while messages come and are forgotten", () => {
    const log = open({ maxMessages: 10 });
    for (let count = 1; count <= 100; count++) {
      log.append(runOf(`${count}`), 1);
      assert.equal(log.next, count);
      assert.equal(log.first, Math.max(0, count - 10));
    }
    log.append(runOf(...words(7)), 7);
    assert.deepEqual([log.first, log.next], [97, 107]);
    log.append(runOf(...words(25)), 25);
    assert.deepEqual([log.first, log.next], [122, 132]);
    assert.deepEqual(readAll(log, log.cursor(0)), words(25).slice(15));
  });

  test("a cursor may join at every point, of a log that goes on and of one that has ended", () => {
    const messages = words(300, 30);
    const log = open({});
    for (let i = 0; i < 300; i += 3) log.append(runOf(...messages.slice(i, i + 3)), 3);
    const cursors = messages.map((_, seq) => log.cursor(seq)).concat(log.cursor(300));
    cursors.forEach((cursor, seq) => {
      assert.equal(cursor.seq, seq);
      assert.deepEqual(readAll(log, cursor), messages.slice(seq));
    });
    log.append(runOf("more"), 1);
    log.close({ status: "done" });
    for (const cursor of cursors) assert.deepEqual(readAll(log, cursor), ["more"]);
    for (let seq = 0; seq <= 301; seq++) {
      assert.deepEqual(readAll(log, log.cursor(seq)), [...messages, "more"].slice(seq));
    }
  });

  test("a cursor that joined before the first message reads from it", () => {
    const log = open({});
    const cursor = log.cursor(0);
    assert.equal(readTexts(log, cursor), undefined);
    log.append(runOf("first"), 1);
    assert.deepEqual(readTexts(log, cursor), ["first"]);
    assert.equal(readTexts(log, cursor), undefined);
  });

  test("cursors at different paces do not disturb one another", () => {
    const messages = words(200, 40);
    const log = open({});
    const paces = [1, 2, 3, 10, 200].map((pace) => ({ pace, cursor: log.cursor(0), read: [""] }));
    messages.forEach((message, i) => {
      log.append(runOf(message), 1);
      for (const { pace, cursor, read } of paces) {
        if ((i + 1) % pace === 0) read.push(...readAll(log, cursor));
      }
    });
    for (const { cursor, read } of paces) {
      assert.deepEqual(read.concat(readAll(log, cursor)).slice(1), messages);
    }
  });

  test("a cursor before what is retained begins at the oldest message that is", () => {
    const log = open({ maxMessages: 5 });
    appendEach(log, words(20));
    for (const seq of [0, 14, 15]) {
      assert.equal(log.cursor(seq).seq, 15);
      assert.deepEqual(readAll(log, log.cursor(seq)), words(20).slice(15));
    }
    assert.equal(log.cursor(16).seq, 16);
  });

  test("a cursor beyond the next message or before 0 is a RangeError", () => {
    const log = open({});
    assert.throws(() => log.cursor(1), RangeError);
    log.append(runOf("a", "b"), 2);
    assert.equal(log.cursor(2).seq, 2);
    for (const seq of [3, 1e9, -1]) assert.throws(() => log.cursor(seq), RangeError);
  });

  test("a cursor whose messages are forgotten reads gone, and goes on to do so", () => {
    const log = open({ maxMessages: 5 });
    const late = log.cursor(0);
    appendEach(log, words(3));
    const partly = log.cursor(0);
    readTexts(log, partly);
    appendEach(log, words(5));
    assert.deepEqual(readAll(log, partly), words(5));
    appendEach(log, words(6));
    for (const cursor of [late, partly]) {
      assert.equal(readTexts(log, cursor), "gone");
      assert.equal(readTexts(log, cursor), "gone");
    }
    log.close({ status: "done" });
    assert.equal(readTexts(log, late), "gone");
    assert.deepEqual(readAll(log, log.cursor(0)), words(6).slice(1));
  });

  test("a cursor is not gone as long as its own next message is retained", () => {
    const log = open({ maxMessages: 5 });
    appendEach(log, words(8));
    const oldest = log.cursor(3);
    assert.deepEqual(readAll(log, oldest), words(8).slice(3));
    const same = log.cursor(3);
    log.append(runOf("one more"), 1);
    assert.equal(readTexts(log, same), "gone");
  });

  test("a reader that keeps pace loses nothing of a log that forgets all else", () => {
    for (const bounds of [{ maxMessages: 1 }, { maxBytes: 1024 }, { maxBytes: 4096 }]) {
      const log = open(bounds);
      const cursor = log.cursor(0);
      for (const message of words(500, 100)) {
        log.append(runOf(message), 1);
        assert.deepEqual(readTexts(log, cursor), [message]);
      }
      assert.ok(log.first > 400);
    }
  });

  test("memory stays within its bound, however the messages come", () => {
    for (const maxBytes of [1024, 10_000, 65_536, 1024 * 1024]) {
      for (const size of [5, 100, 900, 5000]) {
        for (const step of [1, 20]) {
          const log = open({ maxBytes });
          const run = runOf(...words(step, size));
          const appends = Math.ceil(3 * maxBytes / run.length) + 10;
          for (let i = 0; i < appends; i++) {
            log.append(run, step);
            assert.ok(log.bytes <= maxBytes + slack(maxBytes, run.length), `holds ${log.bytes}`);
          }
          assert.equal(log.next, appends * step);
          assert.ok(log.first > 0, "nothing was forgotten");
          const kept = (log.next - log.first) * (run.length / step);
          assert.ok(kept >= Math.min(run.length, maxBytes / 2), `keeps only ${kept} bytes`);
        }
      }
    }
  });

  test("a run larger than the bound is kept whole until the next one comes", () => {
    const log = open({ maxBytes: 1024 });
    log.append(runOf("before"), 1);
    log.append(runOf(...words(100, 50)), 100);
    assert.equal(log.first, 1);
    assert.deepEqual(readAll(log, log.cursor(0)), words(100, 50));
    log.append(runOf("after"), 1);
    assert.equal(log.first, 101);
    assert.deepEqual(readAll(log, log.cursor(0)), ["after"]);
    assert.ok(log.bytes <= 2048);
  });

  test("a held run stays as it is while the log forgets it, goes on, shrinks and ends", () => {
    const log = open({ maxMessages: 50, maxBytes: 8192 });
    log.append(runOf("held one", "held two"), 2);
    const cursor = log.cursor(0);
    const view = log.read(cursor) as Uint8Array;
    log.hold(cursor);
    const before = view.slice();
    for (const message of words(1000, 100)) {
      log.append(runOf(message), 1);
      assertSameBytes(view, before, "a held run changed");
    }
    log.shrink(1024);
    log.shrink(0);
    appendEach(log, words(100, 100));
    log.close({ status: "done" });
    log.shrink(0);
    assertSameBytes(view, before, "a held run changed");
    log.release(cursor);
    assert.equal(readTexts(log, cursor), "gone");
  });

  test("one run may be held by many cursors and is kept until the last one releases it", () => {
    const log = open({ maxMessages: 1 });
    log.append(runOf("held"), 1);
    const cursors = Array.from({ length: 10 }, () => log.cursor(0));
    const views = cursors.map((cursor) => log.read(cursor) as Uint8Array);
    for (const cursor of cursors) log.hold(cursor);
    for (const cursor of cursors) {
      appendEach(log, words(20, 500));
      for (const view of views) assertSameBytes(view, runOf("held"), "a held run changed");
      log.release(cursor);
    }
  });

  test("a held run may be of a log that goes on and the cursor reads on behind it", () => {
    const log = open({});
    const cursor = log.cursor(0);
    for (const message of words(200, 30)) {
      log.append(runOf(message), 1);
      const view = log.read(cursor) as Uint8Array;
      log.hold(cursor);
      log.append(runOf("next"), 1);
      assertSameBytes(view, runOf(message), "a held run changed");
      log.release(cursor);
      assert.deepEqual(readTexts(log, cursor), ["next"]);
    }
  });

  test("a cursor may hold one run after the other, and the last one is kept like the first", () => {
    for (const count of [1, 2, 5]) {
      const log = open({ maxMessages: 1 });
      const cursor = log.cursor(0);
      for (const message of words(count, 2000)) {
        log.release(cursor);
        log.append(runOf(message), 1);
        assert.deepEqual(readTexts(log, cursor), [message]);
        log.hold(cursor);
      }
      const view = log.read(log.cursor(count - 1)) as Uint8Array;
      appendEach(log, words(20, 2000));
      assertSameBytes(view, runOf(words(count, 2000)[count - 1]), "a held run changed");
      log.release(cursor);
    }
  });

  test("holding before the first read and releasing what is not held change nothing", () => {
    const log = open({ maxMessages: 3 });
    const cursor = log.cursor(0);
    log.release(cursor);
    log.hold(cursor);
    log.release(cursor);
    log.release(cursor);
    appendEach(log, words(3));
    assert.deepEqual(readAll(log, cursor), words(3));
    log.release(cursor);
  });

  test("nothing is appended after the end, and all that is retained can still be read", () => {
    const log = open({});
    const [early, middle] = [log.cursor(0), log.cursor(0)];
    log.append(runOf("a"), 1);
    readTexts(log, middle);
    log.append(runOf("b"), 1);
    log.close({ status: "done" });
    assert.throws(() => log.append(runOf("c"), 1), TypeError);
    assert.deepEqual([log.first, log.next], [0, 2]);
    assert.deepEqual(readAll(log, early), ["a", "b"]);
    assert.deepEqual(readAll(log, middle), ["b"]);
    assert.deepEqual(readAll(log, log.cursor(1)), ["b"]);
    assert.equal(readTexts(log, log.cursor(2)), undefined);
  });

  test("only the first end counts", () => {
    for (const status of ["done", "error", "closed", "lost", "expired"] as const) {
      const log = open({});
      log.close({ status });
      log.close({ status: "lost" });
      log.close({ status: "done" });
      assert.deepEqual(log.end, { status });
    }
  });

  test("shrinking forgets the oldest messages and keeps the newest of a log that goes on", () => {
    const maxBytes = 64 * 1024;
    const messages = words(500, 100);
    const log = open({ maxBytes });
    appendEach(log, messages);
    const [old, tail] = [log.cursor(0), log.cursor(500)];
    const full = log.bytes;
    for (const bytes of [full * 0.7, full / 2, full / 4, 1]) {
      const before = log.first;
      log.shrink(bytes);
      assert.ok(bytes === 1 || log.first > before, "nothing was forgotten");
      assert.ok(log.bytes <= Math.max(bytes, slack(maxBytes, 0)), `holds ${log.bytes} of ${bytes}`);
      assert.deepEqual(readAll(log, log.cursor(0)), messages.slice(log.first));
    }
    assert.ok(log.first < 500, "the newest run was forgotten");
    assert.equal(readTexts(log, old), "gone");
    log.append(runOf("more"), 1);
    assert.deepEqual(readAll(log, tail), ["more"]);
  });

  test("shrinking to more than is held forgets nothing", () => {
    const log = open({});
    appendEach(log, words(100, 100));
    log.shrink(log.bytes);
    log.shrink(Infinity);
    assert.equal(log.first, 0);
  });

  test("shrinking to nothing forgets everything, and a log that goes on begins anew at its place", () => {
    for (const count of [1, 100, 2100]) {
      const log = open({});
      appendEach(log, words(count, 1000));
      const [old, tail] = [log.cursor(count - 1), log.cursor(count)];
      log.shrink(0);
      assert.deepEqual([log.first, log.next, log.bytes], [count, count, 0]);
      assert.equal(readTexts(log, old), "gone");
      assert.equal(readTexts(log, tail), undefined);
      const between = log.cursor(0);
      assert.equal(between.seq, count);
      appendEach(log, ["a", "b"]);
      for (const cursor of [tail, between, log.cursor(0)]) {
        assert.deepEqual(readAll(log, cursor), ["a", "b"]);
      }
      assert.equal(readTexts(log, old), "gone");
    }
  });

  test("an ended log can be shrunk to nothing", () => {
    const log = open({});
    appendEach(log, words(100, 100));
    log.close({ status: "lost" });
    log.shrink(1);
    assert.equal(log.bytes, 0);
    assert.equal(log.first, 100);
    assert.deepEqual(log.end, { status: "lost" });
  });

  test("any use of a log is what a plain array makes of it", () => {
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 80 }), (bounds, steps) => {
        const model = new Model(open(bounds), bounds);
        for (const step of steps) model.take(step);
      }),
      { numRuns: 300 },
    );
  });
}

const bounds: fc.Arbitrary<Required<LogBounds>> = fc.record({
  maxMessages: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(100_000)),
  maxBytes: fc.constantFrom(1024, 3000, 16_384, 300_000, 16 * 1024 * 1024),
});

/** Payload lengths of the messages of one run. */
const run = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.nat(60) },
    { weight: 4, arbitrary: fc.integer({ min: 100, max: 1500 }) },
    { weight: 1, arbitrary: fc.constant(70_000) },
  ),
  { minLength: 1, maxLength: 8 },
);

/** One thing done to a log; `who` and `where` are taken modulo what there is. */
type Step =
  | { do: "append"; sizes: number[] }
  | { do: "join"; where: number }
  | { do: "read" | "hold" | "release"; who: number }
  | { do: "shrink"; part: number }
  | { do: "close" };

const who = fc.nat();
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("append" as const), sizes: run }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("join" as const), where: fc.nat() }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("read" as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("hold" as const, "release" as const), who }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("shrink" as const),
      part: fc.constantFrom(0, 0.4, 0.8),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const) }) },
);

/** A cursor, and the run that is held at it beside a copy of what it was. */
interface Reader {
  readonly cursor: Cursor;
  held?: { readonly view: Uint8Array; readonly bytes: Uint8Array };
}

/** A log beside an array of all messages it was ever given. */
class Model {
  readonly #log: ChannelLog;
  readonly #bounds: Required<LogBounds>;
  readonly #messages: Uint8Array[] = [];
  readonly #readers: Reader[] = [];
  #newestRun = 0;
  #first = 0;

  constructor(log: ChannelLog, bounds: Required<LogBounds>) {
    this.#log = log;
    this.#bounds = bounds;
  }

  take(step: Step): void {
    const reader = "who" in step ? this.#readers[step.who % this.#readers.length] : undefined;
    if (step.do === "append") this.#append(step.sizes);
    else if (step.do === "join") this.#join(step.where % (this.#messages.length + 1));
    else if (step.do === "shrink") this.#shrink(step.part);
    else if (step.do === "close") this.#log.close({ status: "done" });
    else if (reader === undefined) return;
    else if (step.do === "read") this.#read(reader.cursor);
    else if (step.do === "hold") this.#hold(reader);
    else this.#release(reader);
    this.#check();
  }

  #append(sizes: number[]): void {
    const log = this.#log;
    const next = this.#messages.length;
    const messages = sizes.map((size, i) => new Uint8Array(size).fill(next + i));
    const records = runOf(...messages);
    if (log.end !== undefined) {
      assert.throws(() => log.append(records, messages.length), TypeError);
      return;
    }
    const { first, bytes } = log;
    log.append(records, messages.length);
    this.#messages.push(...messages);
    this.#newestRun = records.length;
    const { maxMessages, maxBytes } = this.#bounds;
    const wanted = Math.max(first, this.#messages.length - maxMessages);
    if (bytes + slack(maxBytes, records.length) <= maxBytes) assert.equal(log.first, wanted);
    else assert.ok(log.first >= wanted && log.first <= Math.max(wanted, next), "newest run stays");
  }

  #join(seq: number): void {
    const cursor = this.#log.cursor(seq);
    assert.equal(cursor.seq, Math.max(seq, this.#log.first));
    this.#readers.push({ cursor });
  }

  #read(cursor: Cursor): Uint8Array | undefined {
    const seq = cursor.seq;
    const view = this.#log.read(cursor);
    if (seq < this.#log.first) assert.equal(view, "gone");
    else if (seq === this.#messages.length) assert.equal(view, undefined);
    if (!(view instanceof Uint8Array)) {
      assert.ok(
        seq < this.#log.first || seq === this.#messages.length,
        "there is something to read",
      );
      assert.equal(cursor.seq, seq);
      return undefined;
    }
    assert.ok(cursor.seq > seq && cursor.seq <= this.#messages.length);
    assertSameBytes(view, runOf(...this.#messages.slice(seq, cursor.seq)), "not what was appended");
    return view;
  }

  #hold(reader: Reader): void {
    if (reader.held !== undefined) return;
    const view = this.#read(reader.cursor);
    if (view === undefined) return;
    this.#log.hold(reader.cursor);
    reader.held = { view, bytes: view.slice() };
  }

  #release(reader: Reader): void {
    this.#log.release(reader.cursor);
    reader.held = undefined;
  }

  #shrink(part: number): void {
    const bytes = this.#log.bytes * part;
    this.#log.shrink(bytes);
    const newest = part === 0 ? 0 : slack(this.#bounds.maxBytes, this.#newestRun);
    assert.ok(this.#log.bytes <= Math.max(bytes, newest), `holds ${this.#log.bytes} of ${bytes}`);
  }

  /** What always holds. */
  #check(): void {
    const log = this.#log;
    const { maxMessages, maxBytes } = this.#bounds;
    assert.equal(log.next, this.#messages.length);
    assert.ok(log.first >= this.#first && log.first <= log.next, "first only goes up, to next");
    assert.ok(log.next - log.first <= maxMessages, "retains too many messages");
    assert.ok(log.bytes <= maxBytes + slack(maxBytes, this.#newestRun), "holds too much memory");
    this.#first = log.first;
    for (const { held } of this.#readers) {
      if (held !== undefined) assertSameBytes(held.view, held.bytes, "a held run changed");
    }
  }
}
