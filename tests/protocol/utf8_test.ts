import assert from "node:assert/strict";
import fc from "fast-check";
import { isUtf8 } from "../../src/protocol/utf8.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

/** What the platform's own decoder says. */
function oracle(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("every sequence of up to three bytes is judged as TextDecoder does", () => {
  for (let first = 0x70; first < 0x100; first++) {
    for (let second = 0x70; second < 0x100; second++) {
      const two = Uint8Array.of(first, second);
      assert.equal(isUtf8(two, 0, 2), oracle(two), two.toHex());
      for (const third of [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xe0, 0xff]) {
        const three = Uint8Array.of(first, second, third);
        assert.equal(isUtf8(three, 0, 3), oracle(three), three.toHex());
      }
    }
  }
});

Deno.test("every lead of four bytes is judged as TextDecoder does, for every second byte", () => {
  for (let lead = 0xf0; lead < 0x100; lead++) {
    for (let second = 0; second < 0x100; second++) {
      for (const rest of [[0x80, 0x80], [0xbf, 0xbf], [0x80, 0x41], [0xc0, 0x80], [0x80]]) {
        const bytes = Uint8Array.of(lead, second, ...rest);
        assert.equal(isUtf8(bytes, 0, bytes.length), oracle(bytes), bytes.toHex());
      }
    }
  }
});

Deno.test("any text, whole or altered, is judged as TextDecoder does, at any place in a buffer", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(text, fc.array(change, { maxLength: 2 }), fc.nat(9), (text, changes, from) => {
      const bytes = new TextEncoder().encode(text);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const buffer = new Uint8Array(from + bytes.length + 3).fill(0x80);
      buffer.set(bytes, from);
      assert.equal(isUtf8(buffer, from, from + bytes.length), oracle(bytes));
    }),
    { numRuns: 2000 },
  );
});
