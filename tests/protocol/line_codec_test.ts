import assert from "node:assert/strict";
import fc from "fast-check";
import { LinesToRecords, writeLines } from "../../src/protocol/line_codec.ts";
import { encodeRecord } from "../../src/protocol/record.ts";
import { assertSameBytes, bytesOf, concat } from "../helpers/client_frames.ts";

const NEWLINE = 0x0a;
/** Sizes at which the header of a record, or the way of copying, changes. */
const EDGES = [0, 1, 47, 48, 49, 125, 126, 127, 65535, 65536];

/** A message with any bytes but newlines. */
const message = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 200, size: "max" }) },
  { weight: 2, arbitrary: fc.constantFrom(...EDGES).map((size) => new Uint8Array(size).fill(7)) },
).map((bytes) => bytes.map((byte) => byte === NEWLINE ? 0xff : byte));
const messages = fc.array(message, { maxLength: 20, size: "max" });

const linesOf = (messages: Uint8Array[]) =>
  concat(...messages.flatMap((message) => [message, Uint8Array.of(NEWLINE)]));
const recordsOf = (messages: Uint8Array[]) => concat(...messages.map(encodeRecord));

/** `bytes` at an odd place of larger memory, between newlines. */
function moved(bytes: Uint8Array, by: number): Uint8Array {
  const around = new Uint8Array(by).fill(NEWLINE);
  return concat(around, bytes, around).subarray(by, by + bytes.length);
}

/** The lines of `records`, written into memory that is just large enough. */
function linesFrom(records: Uint8Array, offset = 0): Uint8Array {
  const target = new Uint8Array(offset + records.length + 1).fill(0xee);
  const end = writeLines(records, target, offset);
  assert.ok(end <= offset + records.length, "more bytes than the records had");
  assert.ok(target.subarray(0, offset).every((byte) => byte === 0xee), "bytes in front touched");
  assert.ok(target.subarray(end).every((byte) => byte === 0xee), "bytes behind touched");
  return target.subarray(offset, end);
}

Deno.test("lines become the records of the same messages, one run after another", () => {
  const converter = new LinesToRecords();
  fc.assert(fc.property(messages, fc.nat(5), (messages, by) => {
    const { records, count, last } = converter.convert(moved(linesOf(messages), by));
    assertSameBytes(records, recordsOf(messages), "records");
    assert.equal(count, messages.length);
    assert.equal(last, recordsOf(messages.slice(0, -1)).length);
  }));
});

Deno.test("records become the lines of the same messages", () => {
  fc.assert(fc.property(messages, fc.nat(5), fc.nat(30), (messages, by, offset) => {
    const lines = linesFrom(moved(recordsOf(messages), by), offset);
    assertSameBytes(lines, linesOf(messages), "lines");
  }));
});

Deno.test("lines that went through records are the same lines", () => {
  const converter = new LinesToRecords();
  fc.assert(fc.property(messages, (messages) => {
    const lines = linesOf(messages);
    assertSameBytes(linesFrom(converter.convert(lines).records), lines, "lines");
  }));
});

Deno.test("a newline inside a message becomes a space, wherever it is", () => {
  for (const size of [1, 2, 48, 49, 200]) {
    for (const places of [[0], [size - 1], [size >> 1], [0, size - 1], [...Array(size).keys()]]) {
      const message = new Uint8Array(size).fill(0x78);
      for (const at of places) message[at] = NEWLINE;
      const records = recordsOf([message, bytesOf("{}")]);
      const expected = message.map((byte) => byte === NEWLINE ? 0x20 : byte);
      assertSameBytes(linesFrom(records), linesOf([expected, bytesOf("{}")]), `${size}: ${places}`);
      assertSameBytes(records, recordsOf([message, bytesOf("{}")]), "the records were changed");
    }
  }
});

Deno.test("JSON over several lines means the same on one", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.nat(4), (values, indent) => {
    const texts = values.map((value) => JSON.stringify(value, null, indent));
    const lines = new TextDecoder().decode(linesFrom(recordsOf(texts.map(bytesOf))));
    assert.ok(lines === "" || lines.endsWith("\n"));
    const read = lines.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    assert.deepEqual(read, values.map((value) => JSON.parse(JSON.stringify(value))));
  }));
});

Deno.test("empty lines, of which records are twice as large, fit, also beyond what is kept", () => {
  const converter = new LinesToRecords();
  for (const size of [1, 40_000, 3_000_000, 40_000, 600_000, 1]) {
    const lines = new Uint8Array(size).fill(NEWLINE);
    const { records, count, last } = converter.convert(lines);
    assert.deepEqual([records.length, count, last], [2 * size, size, 2 * size - 2]);
    assert.ok(records.every((byte, at) => byte === (at % 2 === 0 ? 0x81 : 0)));
    assertSameBytes(linesFrom(records), lines, "lines");
  }
});

Deno.test("one huge line is one record", () => {
  const huge = new Uint8Array(3_000_000).fill(0x78);
  const { records, count, last } = new LinesToRecords().convert(linesOf([huge]));
  assert.deepEqual([count, last], [1, 0]);
  assertSameBytes(records, encodeRecord(huge), "record");
  assertSameBytes(linesFrom(records), linesOf([huge]), "lines");
});

Deno.test("nothing becomes nothing", () => {
  const { records, count, last } = new LinesToRecords().convert(new Uint8Array(0));
  assert.deepEqual([records.length, count, last], [0, 0, 0]);
  assert.equal(linesFrom(new Uint8Array(0), 7).length, 0);
});
