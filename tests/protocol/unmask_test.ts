import assert from "node:assert/strict";
import fc from "fast-check";
import { unmask } from "../../src/protocol/unmask.ts";
import { assertSameBytes } from "../helpers/client_frames.ts";

/** One call of `unmask`: where its bytes lie in the buffer, and all that it is given. */
interface Call {
  /** Offset of the array in its buffer. */
  readonly base: number;
  readonly to: number;
  /** How far `from` lies above `to`, in words of 4 bytes. */
  readonly words: number;
  readonly length: number;
  readonly mask: Uint8Array;
  /** Bytes of the buffer behind the payload. */
  readonly rest: number;
  readonly fill: (i: number) => number;
}

/** Asserts that the call does what a loop over the bytes does, and touches nothing else. */
function check({ base, to, words, length, mask, rest, fill }: Call): void {
  const from = to + 4 * words;
  const memory = new Uint8Array(base + from + length + rest).map((_, i) => fill(i));
  const expected = memory.slice();
  let any = 0;
  for (let i = 0; i < length; i++) {
    const byte = memory[base + from + i] ^ mask[i & 3];
    expected[base + to + i] = byte;
    any |= byte;
  }
  const bytes = memory.subarray(base);
  const all = new Int32Array(memory.buffer, 0, memory.length >> 2);
  const key = mask[0] | mask[1] << 8 | mask[2] << 16 | mask[3] << 24;
  assert.equal(unmask(bytes, all, from, to, length, key), any);
  assertSameBytes(memory, expected, "memory");
}

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x9d);

Deno.test("unmasking is a XOR at every alignment, byte offset, distance and small length", () => {
  const fill = (i: number) => i * 89 + 3;
  for (let base = 0; base < 5; base++) {
    for (let to = 0; to < 5; to++) {
      for (const words of [0, 1, 2, 5]) {
        for (let length = 0; length <= 70; length++) {
          check({ base, to, words, length, mask: MASK, rest: length & 3, fill });
        }
      }
    }
  }
});

Deno.test("unmasking is a XOR for any bytes, mask and length", () => {
  const call = fc.record({
    base: fc.nat(70),
    to: fc.nat(70),
    words: fc.oneof(fc.nat(4), fc.nat(500)),
    length: fc.oneof(fc.nat(40), fc.nat(5000)),
    mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    rest: fc.nat(9),
    fill: fc.uint8Array({ minLength: 1, maxLength: 17 }).map((bytes) => (i: number) =>
      bytes[i % bytes.length]
    ),
  });
  fc.assert(fc.property(call, check), { numRuns: 500 });
});

Deno.test("one byte that is not ASCII shows in the result wherever it is", () => {
  for (const length of [1, 4, 23, 24, 25, 40, 67]) {
    for (let at = 0; at < length; at++) {
      for (let to = 0; to < 4; to++) {
        const bytes = new Uint8Array(to + 4 + length).fill(0x61);
        bytes[to + 4 + at] = 0xc3;
        const words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
        assert.equal(unmask(bytes, words, to + 4, to, length, 0) >= 0x80, true);
        assert.equal(unmask(bytes, words, to, to, length, 0) >= 0x80, true);
      }
    }
  }
});

Deno.test("a result below 0x80 is that of ASCII", () => {
  const bytes = new Uint8Array(100).fill(0x7f ^ 0x55);
  const words = new Int32Array(bytes.buffer);
  assert.equal(unmask(bytes, words, 4, 0, 96, 0x55555555), 0x7f);
});
