import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import {
  countLines,
  decodeDataFrame,
  SEQ_BYTES,
  skipLines,
  writeSeq,
} from "../../src/protocol/data_frame.ts";
import { bytesOf, concat } from "../helpers/client_frames.ts";

const MAX = Number.MAX_SAFE_INTEGER;
/** Where one of the two halves of a number changes. */
const EDGES = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, MAX - 1, MAX];

const seq = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.constantFrom(...EDGES));
/** Lines, often empty ones. */
const lines = fc.array(fc.stringMatching(/^[^\n]{0,20}$/), { minLength: 1, maxLength: 12 });

/** A number of 64 bits, big-endian, by other means than those tested. */
function wireSeq(seq: bigint): Uint8Array {
  const bytes = new Uint8Array(SEQ_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, seq);
  return bytes;
}

function refused(payload: Uint8Array, why: RegExp): void {
  assert.throws(() => decodeDataFrame(payload), (error) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, "protocol");
    assert.match(error.message, why);
    assert.equal(error.peerText, error.message);
    return true;
  });
}

Deno.test("a number is written as 64 bits, big-endian, at its offset and nowhere else", () => {
  fc.assert(fc.property(seq, fc.nat(9), fc.nat(9), (seq, by, offset) => {
    const memory = new Uint8Array(40).fill(0xee);
    writeSeq(memory.subarray(by), offset, seq);
    const expected = new Uint8Array(40).fill(0xee);
    expected.set(wireSeq(BigInt(seq)), by + offset);
    assert.deepEqual(memory, expected);
  }));
});

Deno.test("a frame is taken apart into the number and the lines it was made of, at any place in memory", () => {
  fc.assert(fc.property(seq, lines, fc.nat(9), (seq, lines, by) => {
    const text = bytesOf(`${lines.join("\n")}\n`);
    const frame = concat(new Uint8Array(by), wireSeq(BigInt(seq)), text).subarray(by);
    const decoded = decodeDataFrame(frame);
    assert.equal(decoded.seq, seq);
    assert.deepEqual(decoded.lines.slice(), text);
  }));
});

Deno.test("a number that cannot be counted with is refused", () => {
  assert.equal(decodeDataFrame(concat(wireSeq(2n ** 53n - 1n), bytesOf("{}\n"))).seq, MAX);
  const beyond = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(beyond, (seq) => {
      refused(concat(wireSeq(seq), bytesOf("{}\n")), /beyond 2\^53/);
    }),
    { examples: [[2n ** 53n], [2n ** 63n], [2n ** 64n - 1n]] },
  );
});

Deno.test("a frame without a line is refused", () => {
  for (let size = 0; size <= SEQ_BYTES; size++) {
    refused(new Uint8Array(size).fill(0x0a), /without a line/);
  }
});

Deno.test("a frame whose last line has no end is refused", () => {
  for (const text of ["{}", "{}\n{}", "\n ", "{}\r", "{}\0"]) {
    refused(concat(wireSeq(0n), bytesOf(text)), /without a newline at its end/);
  }
});

Deno.test("an empty line is a message like any other", () => {
  for (const text of ["\n", "\n\n", "{}\n\n", "\n{}\n"]) {
    const { lines } = decodeDataFrame(concat(wireSeq(3n), bytesOf(text)));
    assert.equal(countLines(lines), text.split("\n").length - 1);
  }
});

Deno.test("the lines of a frame are a view, not a copy", () => {
  const frame = concat(wireSeq(0n), bytesOf("{}\n"));
  const { lines } = decodeDataFrame(frame);
  frame[SEQ_BYTES] = 0x5b;
  assert.equal(lines[0], 0x5b);
});

Deno.test("any bytes are a frame or a protocol error", () => {
  const start = fc.oneof(fc.uint8Array({ maxLength: 9 }), seq.map((seq) => wireSeq(BigInt(seq))));
  const bytes = fc.tuple(start, fc.uint8Array({ maxLength: 20 }), fc.constantFrom("", "\n"))
    .map(([start, rest, end]) => concat(start, rest, bytesOf(end)));
  fc.assert(fc.property(bytes, (bytes) => {
    const whole = bytes.length > SEQ_BYTES && bytes.at(-1) === 0x0a;
    if (!whole || bytes[0] !== 0 || bytes[1] >= 0x20) return refused(bytes, /./);
    const { seq, lines } = decodeDataFrame(bytes);
    assert.deepEqual(concat(wireSeq(BigInt(seq)), lines), bytes);
  }));
});

Deno.test("lines are counted and skipped as text is split", () => {
  fc.assert(fc.property(lines, fc.nat(5), (lines, by) => {
    const text = bytesOf(lines.map((line) => `${line}\n`).join(""));
    const bytes = concat(new Uint8Array(by).fill(0x0a), text).subarray(by);
    assert.equal(countLines(bytes), lines.length);
    for (let count = 0; count <= lines.length; count++) {
      const rest = new TextDecoder("utf-8", { ignoreBOM: true })
        .decode(bytes.subarray(skipLines(bytes, count)));
      assert.equal(rest, lines.slice(count).map((line) => `${line}\n`).join(""));
    }
  }));
  assert.equal(countLines(new Uint8Array(0)), 0);
  assert.equal(skipLines(new Uint8Array(0), 0), 0);
});
