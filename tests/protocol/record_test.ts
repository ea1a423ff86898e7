import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeRecord,
  headerSize,
  payloads,
  payloadStart,
  recordEnd,
  recordsWithin,
  skipRecords,
  writeHeader,
} from "../../src/protocol/record.ts";
import { assertSameBytes, concat } from "../helpers/client_frames.ts";

const EDGES = [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 65537];

/** Payloads of all length forms, mostly small. */
const payload = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...EDGES).map((length) => new Uint8Array(length).fill(7)),
  },
);

/** `records` at an odd place of larger memory. */
function moved(records: Uint8Array, by: number): Uint8Array {
  const memory = new Uint8Array(by + records.length + 1).fill(0xee);
  memory.set(records, by);
  return memory.subarray(by, by + records.length);
}

Deno.test("a record is the unmasked text frame of RFC 6455 §5.7", () => {
  const record = encodeRecord(new TextEncoder().encode("Hello"));
  assert.equal(record.toHex(), "810548656c6c6f");
});

Deno.test("the header has the shortest form of each length", () => {
  const headers = {
    0: "8100",
    125: "817d",
    126: "817e007e",
    65535: "817effff",
    65536: "817f0000000000010000",
    4294967301: "817f0000000100000005",
  };
  for (const [length, hex] of Object.entries(headers)) {
    const header = new Uint8Array(hex.length / 2);
    assert.equal(headerSize(Number(length)), header.length);
    assert.equal(writeHeader(header, 0, Number(length)), header.length);
    assert.equal(header.toHex(), hex);
    assert.equal(payloadStart(header, 0), header.length);
    assert.equal(recordEnd(header, 0), header.length + Number(length));
  }
});

Deno.test("a header is written at its offset, also in a view, and nothing beside it is touched", () => {
  for (const length of EDGES) {
    const size = headerSize(length);
    const target = moved(new Uint8Array(size + 8).fill(0xee), 3);
    assert.equal(writeHeader(target, 5, length), 5 + size);
    const header = encodeRecord(new Uint8Array(length)).subarray(0, size);
    assert.deepEqual(target.slice(5, 5 + size), header.slice());
    target.fill(0xee, 5, 5 + size);
    assert.ok(new Uint8Array(target.buffer).every((byte) => byte === 0xee));
  }
});

Deno.test("the payloads of any run are the ones it was made of", () => {
  fc.assert(fc.property(fc.array(payload, { maxLength: 20 }), fc.nat(5), (messages, by) => {
    const run = moved(concat(...messages.map(encodeRecord)), by);
    const views = [...payloads(run)];
    assert.equal(views.length, messages.length);
    messages.forEach((message, i) => assertSameBytes(views[i], message, `message ${i}`));
  }));
});

Deno.test("any number of records is skipped in one go", () => {
  fc.assert(fc.property(fc.array(payload, { maxLength: 20 }), fc.nat(5), (messages, by) => {
    const records = messages.map(encodeRecord);
    const run = moved(concat(...records), by);
    for (let from = 0, start = 0; from <= records.length; start += records[from++]?.length ?? 0) {
      for (let count = 0, end = start; from + count <= records.length; count++) {
        assert.equal(skipRecords(run, start, count), end);
        end += records[from + count]?.length ?? 0;
      }
    }
  }));
});

Deno.test("payloads are views of the run, not copies", () => {
  const run = encodeRecord(Uint8Array.of(1, 2, 3));
  const [view] = payloads(run);
  run[2] = 9;
  assert.deepEqual([...view], [9, 2, 3]);
});

Deno.test("an empty run has no payloads", () => {
  assert.deepEqual([...payloads(new Uint8Array(0))], []);
});

Deno.test("the records within a limit are those that end before it, and no more than were asked for", () => {
  const lists = fc.array(payload, { maxLength: 20 });
  fc.assert(fc.property(lists, fc.nat(5_000), fc.nat(20), (list, bytes, most) => {
    const all = list.map((bytes) => encodeRecord(bytes));
    const ends = all.map((_, i) => concat(...all.slice(0, i + 1)).length);
    const within = ends.filter((end) => end <= bytes);
    const records = moved(concat(...all), 3);
    const expected = (ends: number[]) => ({ count: ends.length, end: ends.at(-1) ?? 0 });
    assert.deepEqual(recordsWithin(records, { bytes }), expected(within));
    assert.deepEqual(recordsWithin(records, { bytes, most }), expected(within.slice(0, most)));
  }));
});
