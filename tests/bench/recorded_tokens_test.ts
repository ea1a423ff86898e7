import assert from "node:assert/strict";
import { recordedModel, UNKNOWN_PREFILL_MS } from "../../src/bench/recorded_tokens.ts";

const read = (...lines: (string | object)[]) =>
  recordedModel(
    lines.map((line) => typeof line === "string" ? line : JSON.stringify(line)).join("\n"),
    { name: "rec.ndjson" },
  );
const dueOf = (...lines: (string | object)[]) => read(...lines).tokens.map(({ dueMs }) => dueMs);
/** A time since 1970, s. */
const NOW = 1_795_000_000;

Deno.test("times from the request are taken as they are", () => {
  const { tokens, settings } = read({ t: 0.41, content: "Hi" }, { t: 0.435, content: " there" });
  assert.deepEqual(tokens, [{ dueMs: 410, content: "Hi" }, { dueMs: 435, content: " there" }]);
  assert.deepEqual(settings, { prefillMs: 410, tokens: 2, replay: "rec.ndjson" });
});

Deno.test("times since 1970 count from the line before the first token", () => {
  const due = dueOf(
    { t: NOW + 0.5 },
    { t: NOW + 0.75, content: "a" },
    { t: NOW + 1.25, content: "b" },
  );
  assert.deepEqual(due, [250, 750]);
});

Deno.test("times since 1970 without such a line have a usual prefill", () => {
  const due = dueOf({ t: NOW, content: "a" }, { t: NOW + 1, content: "b" });
  assert.deepEqual(due, [UNKNOWN_PREFILL_MS, UNKNOWN_PREFILL_MS + 1_000]);
});

Deno.test("a prefill that is given counts, whatever was recorded", () => {
  for (const t of [0.1, NOW]) {
    const text = `{"t":${t},"content":"a"}\n{"t":${t + 1},"content":"b"}`;
    const { tokens } = recordedModel(text, { name: "r", prefillMs: 50 });
    assert.deepEqual(tokens.map(({ dueMs }) => dueMs), [50, 1_050]);
  }
});

Deno.test("messages of a channel with a time are read, those that are no tokens skipped", () => {
  const { tokens } = read(
    { type: "progress", percent: 5, t: NOW },
    { type: "token", content: "a", t: NOW + 1 },
    { type: "log", content: "loading" },
    { type: "token", content: "b", t: NOW + 2 },
    { type: "done", usage: {}, t: NOW + 3 },
  );
  assert.deepEqual(tokens, [{ dueMs: 1_000, content: "a" }, { dueMs: 2_000, content: "b" }]);
});

Deno.test("what servers send before their first token is none: empty content, or null", () => {
  const due = dueOf(
    { t: NOW, content: null },
    { t: NOW + 1, content: "" },
    { t: NOW + 2, content: "a" },
  );
  assert.deepEqual(due, [2_000]);
});

Deno.test("CRLF, a byte order mark, empty lines and a last line without an end are read", () => {
  const text = '\ufeff{"t":0,"content":"a"}\r\n\r\n\n{"t":1,"content":"b\\r\\n"}';
  assert.deepEqual(recordedModel(text, { name: "r" }).tokens, [
    { dueMs: 0, content: "a" },
    { dueMs: 1_000, content: "b\r\n" },
  ]);
});

Deno.test("half a surrogate pair is replaced: it could not be sent as a batch", () => {
  assert.equal(read('{"t":0,"content":"a\\ud83d"}').tokens[0].content, "a\ufffd");
});

const FIRST = { t: 1, content: "a" };
const BAD: Record<string, [line: string | object, why: RegExp]> = {
  "no JSON": ["Loading", /it is not JSON$/],
  "half a line": ['{"t":2,"cont', /it is not JSON$/],
  "an array": [[2, "b"], /it is no JSON object$/],
  "null": ["null", /it is no JSON object$/],
  "content that is no text": [{ t: 2, content: 7 }, /its content is no text$/],
  "a token without a time": [{ content: "b" }, /it has no t, the time in seconds$/],
  "a time in words": [{ t: "2", content: "b" }, /its t is no number$/],
  "an infinite time": ['{"t":1e999,"content":"b"}', /its t is no number$/],
  "a negative time": [{ t: -1, content: "b" }, /its t is below 0$/],
  "a time that goes back": [{ t: 0.5, content: "b" }, /its t goes back, from 1 to 0.5$/],
  "milliseconds": [{ t: NOW * 1000, content: "b" }, /its t is too large for seconds$/],
  "a time after a day": [{ t: 90_000, content: "b" }, /it comes after more than a day$/],
  "a jump to times since 1970": [{ t: NOW, content: "b" }, /it comes after more than a day$/],
  "a huge token": [{ t: 2, content: "b".repeat(300_000) }, /longer than 262144 characters$/],
};
for (const [what, [line, why]] of Object.entries(BAD)) {
  Deno.test(`${what} is refused, with the file and the line`, () => {
    assert.throws(() => read(FIRST, "", line), (error: Error & { code?: string }) => {
      assert.equal(error.code, "usage");
      assert.match(error.message, /^Cannot replay rec\.ndjson:3: [^\n]*$/);
      assert.match(error.message, why);
      return true;
    });
  });
}

for (const [what, text] of Object.entries({ "nothing": "", "no token": '{"t":1}\n{"t":2}\n' })) {
  Deno.test(`a file with ${what} in it is refused`, () => {
    assert.throws(() => recordedModel(text, { name: "rec.ndjson" }), {
      code: "usage",
      message: "Cannot replay rec.ndjson: there is no token in it",
    });
  });
}
