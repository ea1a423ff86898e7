import assert from "node:assert/strict";
import type { Message } from "../../src/protocol/message.ts";
import { entriesOf } from "../../src/viewer/entries.ts";

const token = (content: string): Message => ({ type: "token", content });
const thought = (content: unknown): Message => ({ type: "reasoning", content });
const entries = (...messages: Message[]) => [...entriesOf(messages)];

Deno.test("tokens that came together are one piece of text", () => {
  assert.deepEqual(entries(token("a"), token("b")), [{ kind: "text", text: "ab" }]);
});

Deno.test("text and thought are pieces of their own, in order", () => {
  assert.deepEqual(entries(thought("h"), thought("m"), token("a"), thought("?")), [
    { kind: "thought", text: "hm" },
    { kind: "text", text: "a" },
    { kind: "thought", text: "?" },
  ]);
});

Deno.test("other messages neither are text nor divide it", () => {
  const log: Message = { type: "log", content: "a line" };
  assert.deepEqual(entries(token("a"), log, token("b")), [{ kind: "text", text: "ab" }]);
});

Deno.test("what has no text makes no piece", () => {
  assert.deepEqual(entries(token(""), thought(7), { type: "done", usage: {} }), []);
});
