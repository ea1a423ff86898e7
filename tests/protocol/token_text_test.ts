import assert from "node:assert/strict";
import fc from "fast-check";
import { TokenLines } from "../../src/protocol/token_lines.ts";
import { TokenText } from "../../src/protocol/token_text.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encode = (text: string) => new TextEncoder().encode(text);

/** What the lines are by way of JSON, where all of them are tokens. */
function oracle(lines: string): string | undefined {
  let text = "";
  for (const line of lines.slice(0, -1).split("\n")) {
    try {
      const { type, content } = JSON.parse(line);
      if (type !== "token" || typeof content !== "string") return undefined;
      text += content;
    } catch {
      return undefined;
    }
  }
  return text;
}

Deno.test("what TokenLines has written is read back", () => {
  const reader = new TokenText();
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    text = text.toWellFormed();
    const { lines, count } = new TokenLines().feed(encode(text));
    const run = reader.read(lines);
    // control characters but for those with a short escape have the long one, which is the JSON parser's
    // deno-lint-ignore no-control-regex -- they are what is looked for
    if (/[\0-\x07\x0b\x0e-\x1f]/.test(text)) return assert.equal(run, undefined);
    assert.deepEqual([decoder.decode(run!.text), run!.count], [text, count]);
  }));
});

const character = fc.constantFrom(...'abä€😀{}:,"\\/ \t\nnu0', "\\n", "\\u0041", '\\"');
const line = fc.oneof(
  fc.string({ unit: character }).map((content) => `{"type":"token","content":"${content}"}`),
  fc.string({ unit: character }).map((content) => JSON.stringify({ type: "token", content })),
  fc.constantFrom(
    '{"type":"done"}',
    '{"type":"token","content":1}',
    '{"type":"token","content":"x","n":1}',
    '{"type":"token","content":"x"} ',
    ' {"type":"token","content":"x"}',
    '{"type":"token","content":"x',
    '{"type":"token","content":"x\\',
    "",
  ),
);

Deno.test("what is read as text is what the JSON parser makes of it", () => {
  const reader = new TokenText();
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (array) => {
      const lines = `${array.join("\n")}\n`;
      const run = reader.read(encode(lines));
      if (run !== undefined) assert.equal(decoder.decode(run.text), oracle(lines));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("bytes that are not UTF-8 are not handed on as they are", () => {
  const lines = encode('{"type":"token","content":"x"}\n');
  lines[lines.indexOf("x".charCodeAt(0), 20)] = 0xff;
  assert.equal(new TokenText().read(lines), undefined);
});

Deno.test("lines larger than any before are read", () => {
  const reader = new TokenText();
  for (const size of [10, 100_000, 3_000_000, 10]) {
    const { lines } = new TokenLines().feed(new Uint8Array(size).fill(0x61));
    assert.equal(reader.read(lines)!.text.length, size);
  }
});
