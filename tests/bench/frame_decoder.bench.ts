/**
 * What the data path costs by itself, without sockets: frames to records, records to the log and out of it. Each name
 * says the work of one iteration.
 *
 * @module
 */

import { MemoryLog } from "../../src/log/memory_log.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";

const SLICE = 64 * 1024;
const LOG_BYTES = 8 * 1024 * 1024;
const SIZES = { "40-byte": 40, "130-byte": 130, "1 KiB": 1024, "4 KiB": 4096 };
/** The size that others are compared with. */
const USUAL = "130-byte";

/** Characters of 1 and of 3 bytes. */
const SCRIPTS = { ASCII: "the quick brown fox ", CJK: "漢字かな交じり文を書く。" };

/** A token message of `size` bytes: as much of `script` as fits, made up with spaces. */
function message(size: number, script: string): string {
  const wrap = (content: string) => JSON.stringify({ type: "token", content });
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  let content = "";
  for (let i = 0; bytes(wrap(content + script[i % script.length])) <= size; i++) {
    content += script[i % script.length];
  }
  return wrap(content.padEnd(content.length + size - bytes(wrap(content))));
}

/** As many whole frames of a message as a slice holds. */
function slice(message: string): { bytes: Uint8Array; count: number } {
  const frame = clientFrame(message);
  const count = Math.floor(SLICE / frame.length);
  return { bytes: concat(...new Array(count).fill(frame)), count };
}

/** The records that a slice is decoded to. */
function recordsOf(bytes: Uint8Array): Uint8Array {
  let result = new Uint8Array(0);
  decoder((records) => result = records.slice()).feed(bytes.slice());
  return result;
}

function decoder(texts: (records: Uint8Array, count: number) => void): FrameDecoder {
  const nothing = () => {};
  return new FrameDecoder({
    texts,
    binary: nothing,
    ping: nothing,
    pong: nothing,
    goodbye: nothing,
  });
}

for (const [script, text] of Object.entries(SCRIPTS)) {
  for (const [name, size] of Object.entries(SIZES)) {
    const { bytes, count } = slice(message(size, text));
    const chunk = new Uint8Array(bytes.length);
    let decoded = 0;
    const target = decoder((_records, count) => decoded += count);
    Deno.bench({
      group: `decode ${script}`,
      baseline: name === USUAL,
      name: `decode 64 KiB of ${name} ${script} messages (${count} messages)`,
      fn(b) {
        chunk.set(bytes); // it is written over
        decoded = 0;
        b.start();
        target.feed(chunk);
        b.end();
        if (decoded !== count) throw new Error(`decoded ${decoded} messages of ${count}`);
      },
    });
  }
}

for (const [name, size] of Object.entries(SIZES)) {
  const { bytes, count } = slice(message(size, SCRIPTS.ASCII));
  const records = recordsOf(bytes);
  const log = new MemoryLog("bench", { maxBytes: LOG_BYTES });
  Deno.bench({
    group: "append to the log",
    baseline: name === USUAL,
    name: `append 64 KiB of ${name} messages in one run (${count} messages)`,
    fn: () => log.append(records, count),
  });
}

const usual = slice(message(SIZES[USUAL], SCRIPTS.ASCII));
const usualRecords = recordsOf(usual.bytes);

{
  const record = usualRecords.subarray(0, usualRecords.length / usual.count);
  const log = new MemoryLog("bench", { maxBytes: LOG_BYTES });
  Deno.bench({
    group: "append to the log",
    name: `append 64 KiB of ${USUAL} messages one by one (${usual.count} messages)`,
    fn() {
      for (let i = 0; i < usual.count; i++) log.append(record, 1);
    },
  });
}

{
  const log = new MemoryLog("bench", { maxBytes: LOG_BYTES });
  while (log.first === 0) log.append(usualRecords, usual.count);
  Deno.bench({
    group: "read from the log",
    baseline: true,
    name: `read all of a full log as a late reader (8 MiB, ${log.next - log.first} messages)`,
    fn() {
      const cursor = log.cursor(0);
      while (log.read(cursor) instanceof Uint8Array);
      if (cursor.seq !== log.next) throw new Error(`read up to ${cursor.seq} of ${log.next}`);
    },
  });
}

for (const count of [1, 1000]) {
  const log = new MemoryLog("bench", { maxBytes: LOG_BYTES });
  const cursors = Array.from({ length: count }, () => log.cursor(0));
  Deno.bench({
    group: "read from the log",
    name: `read 64 KiB at the tail (${count} reader${count > 1 ? "s" : ""})`,
    fn(b) {
      log.append(usualRecords, usual.count);
      b.start();
      for (const cursor of cursors) log.read(cursor);
      b.end();
    },
  });
}
