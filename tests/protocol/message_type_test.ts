import assert from "node:assert/strict";
import fc from "fast-check";
import { messageType } from "../../src/protocol/message_type.ts";
import { bytesOf, concat } from "../helpers/client_frames.ts";

/** The type found in `text`, which lies between bytes of other messages. */
function typeOf(text: string | Uint8Array, before = "", after = ""): string | undefined {
  const bytes = concat(bytesOf(before), bytesOf(text), bytesOf(after));
  const start = bytesOf(before).length;
  return messageType(bytes, start, start + bytesOf(text).length);
}

const MESSAGES = {
  token: '{"type":"token","content":"Hello"}',
  done: '{"type": "done", "usage": {"completion_tokens": 50}}',
  error: '{"type":"error","message":"out of memory"}',
  enc: '{"type":"enc","d":"bm9uY2U="}',
  "": '{"type":""}',
};

Deno.test("the type is found as every known writer spells it", () => {
  for (const [type, message] of Object.entries(MESSAGES)) assert.equal(typeOf(message), type);
});

Deno.test("the type is found wherever JSON allows spaces", () => {
  const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });
  fc.assert(fc.property(fc.array(space, { minLength: 9, maxLength: 9 }), (s) => {
    const tail = `${s[5]}"content"${s[6]}:${s[7]}"x"${s[8]}`;
    const text = `${s[0]}{${s[1]}"type"${s[2]}:${s[3]}"done"${s[4]},${tail}}`;
    assert.equal(typeOf(text), "done");
  }));
});

Deno.test("the type is found in any order of the fields", () => {
  const fields = ['"type":"done"', '"usage":{"n":1}', '"a":"}"', '"b":[{"type":"token"}]'];
  fc.assert(fc.property(fc.shuffledSubarray(fields, { minLength: 4 }), (order) => {
    assert.equal(typeOf(`{${order.join(",")}}`), "done");
  }));
});

Deno.test("the type of any JSON object is what a parser finds", () => {
  const type = fc.stringMatching(/^[a-z0-9_.-]{0,32}$/);
  const key = fc.string().filter((key) => key !== "type");
  const other = fc.dictionary(key, fc.jsonValue(), { noNullPrototype: true });
  fc.assert(fc.property(other, fc.option(type), fc.boolean(), (other, type, first) => {
    const field = type === null ? {} : { type };
    const text = JSON.stringify(first ? { ...field, ...other } : { ...other, ...field });
    const expected = JSON.parse(text).type;
    assert.equal(typeOf(text), typeof expected === "string" ? expected : undefined);
  }));
});

Deno.test("a type inside another field is not the type", () => {
  const messages = [
    '{"message":{"type":"done"}}',
    '{"content":"{\\"type\\":\\"done\\"}"}',
    '{"content":"x\\",\\"type\\":\\"done"}',
    '[{"type":"done"}]',
    '"{\\"type\\":\\"done\\"}"',
    '{"Type":"done"}',
    '{"types":"done"}',
  ];
  for (const message of messages) assert.equal(typeOf(message), undefined, message);
  assert.equal(typeOf('{"usage":{"type":"done"},"type":"token"}'), "token");
  assert.equal(typeOf('{"type":"token","content":"\\"type\\":\\"done\\""}'), "token");
});

Deno.test("a type that is no string is none", () => {
  for (const type of ["null", "1", "true", "[]", '["done"]', "{}", '{"type":"done"}']) {
    assert.equal(typeOf(`{"type":${type}}`), undefined);
    assert.equal(typeOf(`{"a":1,"type":${type}}`), undefined);
  }
});

Deno.test("what is not JSON has no type", () => {
  const texts = ["", " ", "{", "{}", "[]", "null", "7", "done", "{type:done}", "{'type':'done'}"];
  for (const text of [...texts, "type", '"type":"done"', "{{", "\u0000", '\ufeff{"type":"done"}']) {
    assert.equal(typeOf(text), undefined, JSON.stringify(text));
  }
  assert.equal(typeOf(Uint8Array.of(0x7b, 0xff, 0xfe)), undefined);
});

Deno.test("a message cut short has a type only once its whole name is there", () => {
  for (const [type, message] of Object.entries(MESSAGES)) {
    const known = message.indexOf('"', message.indexOf(":") + 1) + type.length + 2;
    for (let length = 0; length < message.length; length++) {
      const expected = length < known ? undefined : type;
      assert.equal(typeOf(message.slice(0, length)), expected, message.slice(0, length));
    }
  }
  const late = '{"usage":{},"type":"done"}';
  for (let length = 0; length < late.length; length++) {
    assert.equal(typeOf(late.slice(0, length)), undefined);
  }
});

Deno.test("what lies before and after a message is not looked at", () => {
  for (const message of [...Object.values(MESSAGES), '{"usage":{},"type":"done"}']) {
    for (let length = 0; length <= message.length; length++) {
      const [cut, rest] = [message.slice(0, length), message.slice(length)];
      const alone = typeOf(cut);
      assert.equal(typeOf(cut, message, rest), alone);
      assert.equal(typeOf(cut, '{"type":"error"}', ' "done"}'), alone);
      assert.equal(typeOf(cut, '{"type":', '"done"}'), alone);
      assert.equal(typeOf(cut, "", '"'), alone);
    }
  }
});

Deno.test("the type of a huge message is found where it comes first", () => {
  assert.equal(typeOf(`{"type":"done","x":"${"y".repeat(5_000_000)}"}`), "done");
});

Deno.test("a huge message is not parsed for its type", () => {
  const huge = (length: number) => `{"x":"${"y".repeat(length - 22)}","type":"done"}`;
  assert.equal(huge(100).length, 100);
  assert.equal(typeOf(huge(64 * 1024)), "done");
  assert.equal(typeOf(huge(64 * 1024 + 1)), undefined);
});

Deno.test("a name that goes on and on is no type", () => {
  assert.equal(typeOf(`{"type":"${"x".repeat(32)}"}`), "x".repeat(32));
  assert.equal(typeOf(`{"type":"${"x".repeat(33)}"}`), undefined);
  assert.equal(typeOf(`{"type":"${"x".repeat(1_000_000)}"}`), undefined);
  assert.equal(typeOf(`{"type":"${"x".repeat(1_000_000)}`), undefined);
});
