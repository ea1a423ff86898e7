import assert from "node:assert/strict";
import { Thoughts } from "../../src/viewer/thoughts.ts";

/** What is thought, and what is answered. */
function split(tokens: Iterable<string>): { thought: string; answer: string } {
  const thoughts = new Thoughts();
  const text = { thought: "", answer: "" };
  const add = (pieces: ReturnType<Thoughts["feed"]>) => {
    for (const piece of pieces) text[piece.kind] += piece.text;
  };
  for (const token of tokens) add(thoughts.feed(token));
  add(thoughts.end());
  return text;
}

const TEXTS: [text: string, thought: string, answer: string][] = [
  ["<think>a < b</think>yes", "a < b", "yes"],
  ["\n <thinking>a</think>b</thinking>c", "a</think>b", "c"],
  ["no <think>tag</think> here", "", "no <think>tag</think> here"],
  ["<thin air", "", "<thin air"],
  ["<think>never closed </thi", "never closed </thi", ""],
  ["<think></think>", "", ""],
  ["<think>a</think><think>b</think>", "a", "<think>b</think>"],
  ["", "", ""],
  [" ".repeat(2_000), "", " ".repeat(2_000)],
  ["<thi", "", "<thi"],
];

for (const [text, thought, answer] of TEXTS) {
  Deno.test(`thoughts are told from answers: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.deepEqual(split([text]), { thought, answer });
    assert.deepEqual(split(text), { thought, answer }, "character by character");
  });
}
