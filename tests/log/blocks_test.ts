import assert from "node:assert/strict";
import { giveBlock, smallBlocks, takeBlock } from "../../src/log/blocks.ts";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { encodeRecord } from "../../src/protocol/record.ts";
import { temporaryDirectory } from "../e2e/shell.ts";

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

/** Run by itself, as the memory of a process is that of all tests in it. */
const FILL_AND_EMPTY = `
  import { giveBlock, takeBlock } from "${new URL("../../src/log/blocks.ts", import.meta.url)}";
  const resident = () =>
    Number(/VmRSS:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]);
  const before = resident();
  const blocks = Array.from({ length: 64 * 32 }, () => takeBlock(32 * 1024).fill(1));
  const full = resident();
  blocks.forEach(giveBlock);
  console.log(JSON.stringify({ taken: full - before, given: full - resident() }));
`;

Deno.test("the system has the pages of small blocks again when none is in use", {
  ignore: smallBlocks === undefined,
}, async () => {
  using directory = temporaryDirectory();
  const file = directory.file("fill_and_empty.ts");
  Deno.writeTextFileSync(file, FILL_AND_EMPTY);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", file],
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  const { taken, given } = JSON.parse(new TextDecoder().decode(stdout)); // KiB, of 64 MiB
  assert.ok(taken > 48 * KiB && given > 48 * KiB, `${taken} KiB taken, ${given} given back`);
});

Deno.test("blocks of any size can be had and given back", () => {
  for (const size of [1, KiB, 32 * KiB, 32 * KiB + 1, 256 * KiB, MiB]) {
    const block = takeBlock(size);
    assert.equal(block.length, size);
    giveBlock(block);
  }
});
