import assert from "node:assert/strict";
import fc from "fast-check";
import { Arena } from "../../src/log/arena.ts";

const KiB = 1024;
const PIECE = 16 * KiB;

/** An arena of small pieces of memory, and those of them that rest. */
function arena() {
  const resting: Uint8Array[] = [];
  const made: Uint8Array[] = [];
  const one = new Arena({
    make: () => {
      const bytes = new Uint8Array(PIECE);
      made.push(bytes);
      return bytes;
    },
    rest: (bytes) => resting.push(bytes),
  });
  return { one, made, resting };
}

Deno.test("whatever is taken and given back, no block has a byte of another one", () => {
  const step = fc.record({ size: fc.integer({ min: 1, max: PIECE }), give: fc.nat() });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const { one, made } = arena();
    const blocks: { bytes: Uint8Array; mark: number }[] = [];
    steps.forEach(({ size, give }, i) => {
      const bytes = one.take(size);
      assert.equal(bytes.length, size);
      const mark = i % 251 + 1;
      bytes.fill(mark);
      blocks.push({ bytes, mark });
      if (give % 2 === 0) {
        const [{ bytes }] = blocks.splice(give % blocks.length, 1);
        assert.equal(one.give(bytes), true);
      }
    });
    for (const { bytes, mark } of blocks) assert.ok(bytes.every((byte) => byte === mark));
    const used = blocks.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / KiB) * KiB, 0);
    assert.deepEqual(one.usage, { used, size: made.length * PIECE });
  }));
});

Deno.test("what was given back is used again, and its neighbours with it", () => {
  const { one, made } = arena();
  const blocks = Array.from({ length: 16 }, () => one.take(KiB));
  for (const block of blocks) one.give(block);
  one.take(PIECE);
  assert.equal(made.length, 1);
});

Deno.test("a piece of which nothing is in use rests, and is used again", () => {
  const { one, made, resting } = arena();
  const [a, b] = [one.take(5000), one.take(3000)];
  one.give(a);
  assert.deepEqual(resting, []);
  one.give(b);
  assert.deepEqual(resting, made);
  one.take(PIECE);
  assert.equal(made.length, 1);
});

Deno.test("a block of somebody else's is not taken back", () => {
  const { one } = arena();
  one.take(KiB);
  assert.equal(one.give(new Uint8Array(KiB)), false);
});
