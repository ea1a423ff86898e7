import assert from "node:assert/strict";
import fc from "fast-check";
import { TokenLines } from "../../src/protocol/token_lines.ts";
import { TokenSplitter } from "../../src/protocol/token_splitter.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Feeds `bytes` in slices of `sizes`, again and again. */
function slices(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const slices: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    slices.push(bytes.subarray(at, at + size));
    at += size;
  }
  return slices;
}

/** The messages that both ways make. */
function assertSame(chunks: readonly Uint8Array[]): void {
  const tokens = new TokenLines();
  const splitter = new TokenSplitter();
  const rounds = [
    ...chunks.map((chunk) => () => [tokens.feed(chunk), splitter.feed(chunk)] as const),
    () => [tokens.end(), splitter.end()] as const,
  ];
  for (const round of rounds) {
    const [{ lines, count }, texts] = round();
    const expected = texts.map((content) => `${JSON.stringify({ type: "token", content })}\n`);
    assert.equal(decoder.decode(lines), expected.join(""));
    assert.equal(count, texts.length);
  }
  assert.equal(tokens.replaced, splitter.replaced);
}

const text = fc.string({ unit: fc.oneof(fc.string({ unit: "binary" }), fc.constant("\n")) });
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

Deno.test("lines are those that JSON.stringify makes of the tokens, however the text is sliced", () => {
  fc.assert(fc.property(text, sizes, (text, sizes) => {
    assertSame(slices(encoder.encode(text), sizes));
  }));
});

Deno.test("bytes that are not UTF-8 are replaced as in tokens", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), sizes, (bytes, sizes) => {
    assertSame(slices(bytes, sizes));
  }));
});

Deno.test("every character below 0x80 is written as JSON.stringify does", () => {
  assertSame([Uint8Array.from({ length: 128 }, (_, i) => i)]);
});

Deno.test("memory grows with what the text becomes: newlines alone, control characters alone", () => {
  for (const byte of [0x0a, 0x01, 0x61]) assertSame([new Uint8Array(100_000).fill(byte)]);
  assertSame([new Uint8Array(100_000).fill(0x0a), encoder.encode("again\n")]);
});
