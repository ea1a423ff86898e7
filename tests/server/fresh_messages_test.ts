import assert from "node:assert/strict";
import { payloads } from "../../src/protocol/record.ts";
import { FreshMessages } from "../../src/relay/server/fresh_messages.ts";
import { bytesOf } from "../helpers/client_frames.ts";

const DECODER = new TextDecoder();

/** The messages of a body that is numbered from `seq`, in batches, that a log lacks whose next one is `next`. */
function fresh(batches: string[], { seq = 0, next = 0, maxMessageBytes = 100 }) {
  const messages = new FreshMessages({ seq, next, maxMessageBytes });
  const lacking = batches.flatMap((batch) => {
    const run = messages.of(bytesOf(batch));
    return run === undefined ? [] : Array.from(payloads(run.records), (p) => DECODER.decode(p));
  });
  return { messages, lacking };
}

Deno.test("a body that goes on where the log ends is fresh", () => {
  const { messages, lacking } = fresh(["a\nb\n", "c\n"], { seq: 7 });
  assert.deepEqual(lacking, ["a", "b", "c"]);
  assert.deepEqual([messages.count, messages.next, messages.overlapped], [3, 10, false]);
});

Deno.test("what the log has is left out, and counted", () => {
  for (const batches of [["a\nb\nc\nd\n"], ["a\n", "b\nc\n", "d\n"], ["a\nb\nc\n", "d\n"]]) {
    const { messages, lacking } = fresh(batches, { seq: 1, next: 4 });
    assert.deepEqual(lacking, ["d"]);
    assert.deepEqual([messages.count, messages.next, messages.overlapped], [4, 5, true]);
  }
});

Deno.test("a body of which the log has more than all is none", () => {
  const { messages, lacking } = fresh(["a\nb\n"], { seq: 0, next: 9 });
  assert.deepEqual(lacking, []);
  assert.equal(messages.next, 2);
});

Deno.test("a message that is too long, and one without a number, are refused", () => {
  assert.throws(() => fresh(["abcdef\n"], { maxMessageBytes: 5 }), { code: "too_big" });
  const seq = Number.MAX_SAFE_INTEGER;
  assert.throws(() => fresh(["a\n"], { seq }), { code: "bad_request" });
});
