import assert from "node:assert/strict";
import { AROUND } from "../../src/bench/message_lines.ts";
import { checkRoom, checkSize, doorsFor, roomFor, roomNotes } from "../../src/bench/relay_room.ts";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { encodeRecord } from "../../src/protocol/record.ts";
import { DEFAULT_LIMITS } from "../../src/relay/limits.ts";
import { LOAD_SETTINGS } from "../helpers/bench_results.ts";

const LATE = { ...LOAD_SETTINGS, channels: 1, durationMs: 10_000, late: true };

Deno.test("a small log needs no other bounds than usual, and nothing is said", () => {
  const { maxBuffer, maxBufferBytes, maxMemory } = DEFAULT_LIMITS;
  const room = roomFor(LATE, 1_000)!;
  assert.deepEqual(room, { maxBuffer, maxBufferBytes, maxMemory });
  assert.deepEqual(roomNotes(room), []);
});

for (const [size, rate] of [[64, 20_000], [4_096, 1_000], [70_000, 50], [140_000, 50]]) {
  Deno.test(`a log with this room keeps all of ${10 * rate} messages of ${size} bytes`, () => {
    const { maxBuffer, maxBufferBytes } = roomFor({ ...LATE, size, rate }, 0)!;
    const log = new MemoryLog("epoch", { maxMessages: maxBuffer, maxBytes: maxBufferBytes });
    const record = encodeRecord(new Uint8Array(size + AROUND));
    for (let i = 0; i <= 10 * rate; i++) log.append(record, 1);
    assert.deepEqual([log.first, log.next], [0, 10 * rate + 1]);
  });
}

Deno.test("the warm-up is kept too, and all channels have the room of one", () => {
  const busy = { ...LATE, rate: 20_000, size: 1_024 };
  const one = roomFor(busy, 0)!;
  assert.ok(roomFor(busy, 5_000)!.maxBufferBytes > 1.49 * one.maxBufferBytes);
  assert.equal(roomFor({ ...busy, channels: 7 }, 0)!.maxMemory, 7 * one.maxBufferBytes);
});

Deno.test("a log that memory has no room for is refused in a sentence", () => {
  const room = roomFor({ ...LATE, rate: 20_000, size: 4_096 }, 0)!;
  checkRoom(room, 2 * room.maxMemory);
  assert.throws(() => checkRoom(room, room.maxMemory), {
    code: "usage",
    message:
      /^A relay that keeps this load .* may take 1\.2 GiB, and 1\.2 GiB are free here: lower/,
  });
  assert.match(roomNotes(room).join(), /--max-buffer 200,002, --max-buffer-bytes 1\.2 GiB, /);
});

Deno.test("a relay lets in what a load has, and as much as usual where that is enough", () => {
  const { maxChannels, maxConsumers, maxConnectionsPerAddress } = DEFAULT_LIMITS;
  const usual = { maxChannels, maxConsumers, maxConnectionsPerAddress };
  assert.deepEqual(doorsFor({ ...LOAD_SETTINGS, channels: 10, consumers: 5 }), usual);
  const doors = doorsFor({ ...LOAD_SETTINGS, channels: 20_000, consumers: 1_500, slow: 2 });
  assert.ok(doors.maxChannels > 20_000 && doors.maxConsumers === 1_502);
  assert.ok(doors.maxConnectionsPerAddress > 20_000 * 1_503);
});

Deno.test("the largest message that a relay takes is let through, and one byte more is not", () => {
  const largest = DEFAULT_LIMITS.maxMessageBytes - AROUND;
  checkSize({ ...LOAD_SETTINGS, size: largest }, true);
  assert.throws(() => checkSize({ ...LOAD_SETTINGS, size: largest + 1 }, true), { code: "usage" });
  checkSize({ ...LOAD_SETTINGS, size: largest + 1 }, false); // others may take more
  const encrypted = { ...LOAD_SETTINGS, encrypted: true, size: largest };
  assert.throws(() => checkSize(encrypted, true), { code: "usage" });
});
