import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageLines, type MessageLinesOptions } from "../../src/protocol/message_lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What `chunks` are read as, in one go. */
function readAll(chunks: Uint8Array[], options: MessageLinesOptions = {}) {
  const lines = new MessageLines(options);
  return [...chunks.flatMap((chunk) => lines.feed(chunk)), ...lines.end()];
}

const TEXT = [
  '{"type":"token","content":"Grüße 🙂\\n"}',
  '{"type":"progress","percent":5,"step":"wärmen"}',
  "Loading weights…",
  "",
  '  {"type":"event","name":"saved","data":{"n":[1,2]}}  ',
  "[1]",
  '{"type":"done","usage":{}}',
].join("\r\n");

Deno.test("lines are the same however they are cut", () => {
  const whole = readAll([bytes(TEXT)]);
  assert.deepEqual(whole.map((line) => "message" in line ? line.message.type : line.bad.text), [
    "token",
    "progress",
    "Loading weights…\r",
    "event",
    "[1]\r",
    "done",
  ]);
  fc.assert(fc.property(fc.array(fc.nat(bytes(TEXT).length), { maxLength: 12 }), (cuts) => {
    const at = [0, ...cuts.toSorted((a, b) => a - b), bytes(TEXT).length];
    const chunks = at.slice(1).map((to, i) => bytes(TEXT).subarray(at[i], to));
    assert.deepEqual(readAll(chunks), whole);
  }));
});

Deno.test("a chunk may be used again once it was read", () => {
  const lines = new MessageLines();
  const chunk = bytes('{"type":"event",');
  assert.deepEqual(lines.feed(chunk), []);
  chunk.fill(0);
  assert.deepEqual(lines.feed(bytes('"name":"a"}\n')), [{ message: { type: "event", name: "a" } }]);
});

const NO_MESSAGES = [
  "text",
  "{",
  "null",
  "7",
  '"token"',
  "[]",
  "{}",
  '{"type":7}',
  '{"type":"token"}',
  '{"type":"token","content":7}',
  '{"type":"error"}',
  '{"type":"auth","secret":"s3cret"}',
  '{"type":"enc","d":"AAAA"}',
  '{"type":"gap","from":0,"to":9}',
];

for (const text of NO_MESSAGES) {
  Deno.test(`${text} is no message of a program, and is handed out as it is`, () => {
    assert.deepEqual(readAll([bytes(`${text}\n`)]), [{ bad: { text } }]);
  });
}

Deno.test("messages of types that nobody knows are messages", () => {
  const message = { type: "metrics", loss: 0.5 };
  assert.deepEqual(readAll([bytes(JSON.stringify(message))]), [{ message }]);
});

Deno.test("a message with a field that is taken is none", () => {
  const text = '{"type":"event","name":"a","n":1}';
  assert.deepEqual(readAll([bytes(text)], { reserved: ["n"] }), [{ bad: { text } }]);
});

Deno.test("a line that is too long is told with its size, and the ones after it are read", () => {
  const lines = new MessageLines({ maxBytes: 40 });
  assert.deepEqual(lines.feed(bytes("x".repeat(30))), []);
  assert.deepEqual(lines.feed(bytes("x".repeat(30))), []);
  assert.deepEqual(lines.feed(bytes(`x\n${"y".repeat(40)}\n{"type":"a"}`)), [
    { bad: { bytes: 61 } },
    { bad: { text: "y".repeat(40) } },
  ]);
  assert.deepEqual(lines.end(), [{ message: { type: "a" } }]);
});

Deno.test("bytes that are not UTF-8 do not stop the reading", () => {
  const [line] = readAll([new Uint8Array([0x61, 0xff, 0x62, 0x0a])]);
  assert.deepEqual(line, { bad: { text: "a\ufffdb" } });
});
