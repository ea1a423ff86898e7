import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeDataFrame, SEQ_BYTES, writeSeq } from "../../src/protocol/data_frame.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { encodeRecord } from "../../src/protocol/record.ts";
import { LineFrames } from "../../src/relay/server/line_frames.ts";
import { assertSameBytes, bytesOf, clientFrame, concat } from "../helpers/client_frames.ts";

const runOf = (...texts: string[]) => concat(...texts.map((text) => encodeRecord(bytesOf(text))));

/** The frame of a server with `texts`, by other means than those tested. */
function expected(texts: string[], seq: number): Uint8Array {
  const number = new Uint8Array(SEQ_BYTES);
  writeSeq(number, 0, seq);
  const payload = concat(number, bytesOf(texts.map((text) => `${text}\n`).join("")));
  return clientFrame(payload, { opcode: OPCODE.binary, mask: null });
}

/** Texts whose frames have headers of all three forms. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[^\n]{0,40}$/) },
  { weight: 1, arbitrary: fc.constantFrom(100, 116, 117, 65526, 65527, 70_000) },
).map((text) => typeof text === "number" ? "x".repeat(text) : text);
const run = fc.record({
  texts: fc.array(text, { minLength: 1, maxLength: 5 }),
  seq: fc.maxSafeNat(),
  kept: fc.boolean(),
});

Deno.test("any run becomes one data frame, and stays what it is for as long as it is kept", () => {
  fc.assert(fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
    const frames = new LineFrames();
    const kept: { frame: Uint8Array; bytes: Uint8Array }[] = [];
    for (const { texts, seq, kept: keep } of runs) {
      const frame = frames.frame(runOf(...texts), seq);
      const bytes = expected(texts, seq);
      assertSameBytes(frame, bytes, "frame");
      if (keep) frames.keep();
      if (keep) kept.push({ frame, bytes });
    }
    for (const { frame, bytes } of kept) assertSameBytes(frame, bytes, "a frame that was kept");
  }));
});

Deno.test("readers at the same place get the same frame", () => {
  const frames = new LineFrames();
  const records = runOf("one", "two");
  const frame = frames.frame(records, 7);
  assert.equal(frames.frame(records, 7), frame);
  frames.keep(); // one of them is slow
  assert.equal(frames.frame(records, 7), frame);
  assertSameBytes(frame, expected(["one", "two"], 7), "frame");
});

Deno.test("readers at other places get frames of their own", () => {
  const frames = new LineFrames();
  const records = runOf("one", "two");
  for (const seq of [7, 8, 7, 2 ** 32 + 7]) {
    assertSameBytes(frames.frame(records, seq), expected(["one", "two"], seq), `from ${seq}`);
  }
  assertSameBytes(frames.frame(runOf("other"), 7), expected(["other"], 7), "other records");
});

Deno.test("memory is used again until someone keeps it", () => {
  const frames = new LineFrames();
  const first = frames.frame(runOf("one"), 0);
  const second = frames.frame(runOf("two"), 1);
  assert.equal(second.buffer, first.buffer);
  frames.keep();
  const third = frames.frame(runOf("three"), 2);
  assert.notEqual(third.buffer, second.buffer);
  assert.equal(frames.frame(runOf("four"), 3).buffer, third.buffer);
});

Deno.test("memory for a huge frame is not held on to", () => {
  const frames = new LineFrames();
  const small = frames.frame(runOf("one"), 0);
  const huge = "x".repeat(3_000_000);
  const frame = frames.frame(runOf(huge), 1);
  assertSameBytes(frame, expected([huge], 1), "huge frame");
  assert.equal(frames.frame(runOf("two"), 2).buffer, small.buffer);
});

Deno.test("a newline inside a message does not end its line", () => {
  const frame = new LineFrames().frame(runOf('{\n"a": 1\n}', "{}"), 0);
  const { lines } = decodeDataFrame(frame.subarray(2));
  assert.equal(new TextDecoder().decode(lines), '{ "a": 1 }\n{}\n');
});
