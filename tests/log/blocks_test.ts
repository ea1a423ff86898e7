import assert from "node:assert/strict";
import { giveBlock, smallBlocks, takeBlock } from "../../src/log/blocks.ts";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { encodeRecord } from "../../src/protocol/record.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of small blocks in use. */
const used = () => smallBlocks?.usage.used ?? 0;

const message = (size: number) => encodeRecord(new Uint8Array(size).fill(0x61));

function logOf(messages: number): MemoryLog {
  const log = new MemoryLog("epoch");
  for (let i = 0; i < messages; i++) log.append(message(100), 1);
  return log;
}

Deno.test("a log that is let go of gives all its memory back", () => {
  const before = used();
  const log = logOf(1000);
  log.close({ status: "done" });
  log.shrink(0);
  assert.equal(used(), before);
});

Deno.test("memory that a reader still has under way is given back once it no longer has", () => {
  const before = used();
  const log = logOf(5);
  const cursor = log.cursor(0);
  const records = log.read(cursor) as Uint8Array;
  const copy = records.slice();
  log.hold(cursor);
  log.close({ status: "done" });
  log.shrink(0);
  const others = Array.from({ length: 50 }, () => takeBlock(KiB).fill(0xff));
  assert.deepEqual(records, copy);
  log.release(cursor);
  log.release(cursor); // once is enough
  others.forEach(giveBlock);
  assert.equal(used(), before);
});

Deno.test("the system has the pages of small blocks again when none is in use", {
  ignore: smallBlocks === undefined,
}, () => {
  const resident = () =>
    Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) * KiB;
  const before = resident();
  const blocks = Array.from({ length: 64 * 32 }, () => takeBlock(32 * KiB).fill(1));
  const full = resident();
  assert.ok(full > before + 48 * MiB, `${full - before} bytes for 64 MiB`);
  blocks.forEach(giveBlock);
  const after = resident();
  assert.ok(after < full - 48 * MiB, `${full - after} bytes of 64 MiB are back`);
});

Deno.test("blocks of any size can be had and given back", () => {
  for (const size of [1, KiB, 32 * KiB, 32 * KiB + 1, 256 * KiB, MiB]) {
    const block = takeBlock(size);
    assert.equal(block.length, size);
    giveBlock(block);
  }
});
