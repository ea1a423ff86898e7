import assert from "node:assert/strict";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { assertSameBytes } from "../helpers/client_frames.ts";
import {
  appendEach,
  channelLogConformance,
  readAll,
  readTexts,
  runOf,
  words,
} from "./channel_log_conformance.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

channelLogConformance("MemoryLog", (bounds) => new MemoryLog("epoch", bounds));

Deno.test("a log in memory has the epoch it was given", () => {
  assert.equal(new MemoryLog("epoch-7").epoch, "epoch-7");
});

Deno.test("an empty log holds no memory and one of a token 1 KiB", () => {
  const log = new MemoryLog("epoch");
  assert.equal(log.bytes, 0);
  log.append(runOf("token"), 1);
  assert.equal(log.bytes, KiB);
});

Deno.test("a small bound is no reason to hold more than a large one", () => {
  for (const maxBytes of [1, 100, 8 * KiB, 16 * MiB]) {
    const log = new MemoryLog("epoch", { maxBytes });
    log.append(runOf("token"), 1);
    assert.equal(log.bytes, KiB);
  }
});

Deno.test("memory grows with the content: half as much again at most, and 1 KiB", () => {
  const log = new MemoryLog("epoch");
  const run = runOf("a token of some forty bytes, as most are");
  for (let content = run.length; content < 2 * MiB; content += run.length) {
    log.append(run, 1);
    assert.ok(log.bytes <= 1.6 * content + KiB, `${log.bytes} for ${content}`);
    assert.ok(log.bytes <= content * 1.01 + 256 * KiB + KiB, `${log.bytes} for ${content}`);
  }
});

Deno.test("a message larger than a block is held in a block of its own size", () => {
  const log = new MemoryLog("epoch");
  const large = runOf("x".repeat(3 * MiB));
  log.append(large, 1);
  assert.equal(log.bytes, large.length);
});

Deno.test("small messages that came one at a time lie side by side and come out as one view", () => {
  const log = new MemoryLog("epoch");
  const pace = log.cursor(0);
  const messages = words(40, 20);
  for (const message of messages) {
    log.append(runOf(message), 1);
    assert.deepEqual(readTexts(log, pace), [message]);
  }
  assert.deepEqual(log.read(log.cursor(0)), runOf(...messages));
  assert.deepEqual(log.read(log.cursor(17)), runOf(...messages.slice(17)));
});

Deno.test("a late reader is served in large pieces", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, words(50_000, 40));
  const cursor = log.cursor(0);
  let reads = 0;
  let bytes = 0;
  for (let run = log.read(cursor); run instanceof Uint8Array; run = log.read(cursor)) {
    reads++;
    bytes += run.length;
  }
  assert.equal(bytes, 50_000 * 42);
  assert.ok(reads <= 100, `${reads} reads`); // pieces of 1 KiB grow to 256 KiB
});

Deno.test("logs that grow at one pace do not all take memory with the same message", () => {
  const run = runOf("a token of some forty bytes, as most are");
  const logs = Array.from({ length: 100 }, () => new MemoryLog("epoch"));
  for (let count = 0; count < 5_000; count++) {
    let grown = 0;
    for (const log of logs) {
      const before = log.bytes;
      log.append(run, 1);
      if (log.bytes > before) grown++;
    }
    if (count > 1_000) assert.ok(grown <= 20, `${grown} of 100 at message ${count}`);
  }
});

Deno.test("runs that are no part of a block in size leave no holes in the memory", () => {
  for (const size of [40, 90, 130, 200]) {
    const log = new MemoryLog("epoch");
    const messages = words(size, 1024 - 4);
    const run = runOf(...messages);
    for (let i = 0; i < 16 * MiB / run.length; i++) log.append(run, size);
    const kept = (log.next - log.first) * (run.length / size);
    assert.ok(kept > 7.3 * MiB, `${kept} bytes of 8 MiB in runs of ${size} KiB`);
    const texts = Array.from({ length: log.next - log.first }, (_, i) => {
      return messages[(log.first + i) % size];
    });
    assert.deepEqual(readAll(log, log.cursor(0)), texts);
  }
});

Deno.test("readers at one place are given the very same view", () => {
  const log = new MemoryLog("epoch");
  appendEach(log, words(10));
  const cursors = [3, 3, 3].map((seq) => log.cursor(seq));
  const views = cursors.map((cursor) => log.read(cursor));
  assert.ok(views[0] === views[1] && views[1] === views[2]);
  log.append(runOf("more"), 1);
  assert.deepEqual(log.read(log.cursor(3)), runOf(...words(10).slice(3), "more"));
  assert.deepEqual(views[0], runOf(...words(10).slice(3)));
});

Deno.test("a log bounded by its messages gives the memory of forgotten ones back", () => {
  const log = new MemoryLog("epoch", { maxMessages: 100 });
  for (let i = 0; i < 20_000; i++) {
    log.append(runOf("x".repeat(100)), 1);
    assert.ok(log.bytes <= 64 * KiB, `holds ${log.bytes} for 100 messages of 100 bytes`);
  }
});

Deno.test("a log keeps 100,000 messages and 8 MiB where nothing else is said", () => {
  const many = new MemoryLog("epoch");
  for (let i = 0; i < 100_100; i += 100) many.append(runOf(...words(100)), 100);
  assert.deepEqual([many.first, many.next], [100, 100_100]);

  const large = new MemoryLog("epoch");
  const run = runOf("x".repeat(64 * KiB));
  for (let i = 0; i < 20 * 16; i++) large.append(run, 1);
  assert.ok(large.bytes <= 8 * MiB && large.bytes > 7 * MiB, `holds ${large.bytes}`);
});

/** Appends `total` bytes in runs of 16 KiB, calling `each` after every one. */
function pump(log: MemoryLog, total: number, each: (i: number) => void): void {
  for (let i = 0; i < total / (16 * KiB); i++) {
    log.append(runOf(String.fromCharCode(0x61 + i % 26).repeat(16 * KiB - 4)), 1);
    each(i);
  }
}

/** Whether it is a block of its own: small ones lie in shared memory, beside each other. */
function isBlock(buffer: ArrayBufferLike): boolean {
  return buffer.byteLength === 256 * KiB && buffer instanceof ArrayBuffer;
}

Deno.test("a busy log runs in the same memory again and again", () => {
  const log = new MemoryLog("epoch", { maxBytes: 4 * MiB });
  const cursor = log.cursor(0);
  const buffers = new Set<ArrayBufferLike>();
  pump(log, 64 * MiB, () => {
    const { buffer } = log.read(cursor) as Uint8Array;
    if (isBlock(buffer)) buffers.add(buffer);
  });
  assert.ok(buffers.size > 8 && buffers.size <= 17, `${buffers.size} blocks for a log of 16`);
});

Deno.test("memory that is used again never changes a view that is held", () => {
  const log = new MemoryLog("epoch", { maxBytes: 2 * MiB });
  const cursors = Array.from({ length: 20 }, () => log.cursor(0));
  const held: { view: Uint8Array; bytes: Uint8Array }[] = [];
  pump(log, 64 * MiB, (i) => {
    const reader = log.cursor(log.next - 1);
    const view = log.read(reader) as Uint8Array;
    const used = held.find((other) => other.view.buffer === view.buffer);
    assert.equal(used === undefined || used.view.byteOffset < view.byteOffset, true);
    if (i % 200 !== 0) return;
    const cursor = cursors[i / 200] = reader;
    log.hold(cursor);
    held.push({ view, bytes: view.slice() });
  });
  assert.ok(held.length >= 20);
  for (const { view, bytes } of held) assertSameBytes(view, bytes, "a held run changed");
  for (const cursor of cursors) log.release(cursor);
});

Deno.test("a block released after it was forgotten is not handed out twice", () => {
  const log = new MemoryLog("epoch", { maxBytes: 2 * MiB });
  const other = new MemoryLog("other", { maxBytes: 2 * MiB });
  const holders = Array.from({ length: 3 }, () => log.cursor(0));
  pump(log, 8 * MiB, (i) => {
    if (i !== 100) return;
    for (const at of holders.keys()) {
      holders[at] = log.cursor(100);
      log.read(holders[at]);
      log.hold(holders[at]);
    }
  });
  for (const cursor of holders) log.release(cursor);
  log.shrink(0);
  pump(log, 2 * MiB, () => {});
  pump(other, 2 * MiB, () => {});
  const buffersOf = (log: MemoryLog) => {
    const buffers = new Set<ArrayBufferLike>();
    const cursor = log.cursor(0);
    for (let run = log.read(cursor); run instanceof Uint8Array; run = log.read(cursor)) {
      if (isBlock(run.buffer)) buffers.add(run.buffer);
    }
    return buffers;
  };
  const mine = buffersOf(log);
  assert.ok(mine.size >= 4);
  assert.ok(mine.isDisjointFrom(buffersOf(other)), "two logs share a block");
  const letters = readAll(log, log.cursor(0)).map((text) => new Set(text).size);
  assert.ok(letters.every((different) => different === 1));
});
