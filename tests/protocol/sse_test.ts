/** Messages as server-sent events, plain text and NDJSON; which of them a client asks for. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { BodyWriter } from "../../src/protocol/body_writer.ts";
import { bodyFormat, chooseFormat } from "../../src/protocol/http_format.ts";
import { NdjsonWriter } from "../../src/protocol/ndjson.ts";
import { PlainTextWriter } from "../../src/protocol/plain_text.ts";
import { parseEventId, sseEvent, sseOpening, SseWriter } from "../../src/protocol/sse.ts";
import { eventsOf } from "../helpers/http_reading.ts";

const EPOCH = "0mwqn1gfk-i5CBWqTdQivi";

/** What `writer` makes of a message, or `undefined`. */
function written(writer: BodyWriter, message: string, seq = 0): string | undefined {
  const payload = new TextEncoder().encode(message);
  const records = new Uint8Array(payload.length + 20).fill(0x22); // quotes around it must not matter
  records.set(payload, 7);
  const place = { records, start: 7, end: 7 + payload.length, epoch: EPOCH, seq };
  const room = writer.room(payload.length);
  const target = new Uint8Array(5 + room);
  const end = writer.write(target, 5, place);
  if (end === undefined) return undefined;
  assert.ok(end <= 5 + room, `${message} took ${end - 5} of ${room} bytes`);
  return new TextDecoder("utf-8", { fatal: true }).decode(target.subarray(5, end));
}

Deno.test("a message is an event of its type whose id is the position behind it", () => {
  const message = '{"type":"progress","percent":7}';
  assert.deepEqual(eventsOf(written(new SseWriter(), message, 41)!), [
    { event: "progress", id: `${EPOCH}:42`, data: message },
  ]);
});

Deno.test("a token of our clients and one of Python's are events of the same type", () => {
  for (const message of ['{"type":"token","content":"a"}', '{"type": "token", "content": "a"}']) {
    assert.equal(eventsOf(written(new SseWriter(), message)!)[0].event, "token");
  }
});

Deno.test("ids go up to 2^53 and change with the epoch", () => {
  const writer = new SseWriter();
  const [event] = eventsOf(written(writer, "{}", Number.MAX_SAFE_INTEGER - 1)!);
  assert.equal(event.id, `${EPOCH}:${Number.MAX_SAFE_INTEGER}`);
  const target = new Uint8Array(500);
  const records = new TextEncoder().encode("{}");
  const end = writer.write(target, 0, { records, start: 0, end: 2, epoch: "other", seq: 9 });
  assert.match(new TextDecoder().decode(target.subarray(0, end)), /^id: other:10$/m);
});

Deno.test("a producer's message cannot pass for an event of the relay, or add a line of its own", () => {
  for (const type of ["gap", "end", "begin", "restart", "producer", "a\\nid: x", "", "x y", "é"]) {
    const [{ event }, ...more] = eventsOf(written(new SseWriter(), `{"type":"${type}"}`)!);
    assert.deepEqual([event, more], ["message", []], type);
  }
});

Deno.test("whatever a message holds, it is one event with its text, line ends being spaces", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    const spaced = text.replace(/[\r\n]/g, " ");
    const events = eventsOf(written(new SseWriter(), text)!);
    assert.deepEqual(events.map(({ data }) => data), [new TextDecoder().decode(
      new TextEncoder().encode(spaced),
    )]);
  }));
});

Deno.test("events of the relay have their data as JSON; the end has an id of its own", () => {
  const text = new TextDecoder().decode(
    sseEvent("end", { next: 3, ok: true }, { epoch: "run-1", seq: 3 }),
  );
  assert.deepEqual(eventsOf(text), [
    { event: "end", id: "run-1:3:end", data: '{"type":"end","next":3,"ok":true}' },
  ]);
});

Deno.test("a stream opens with a comment and a whole number of ms", () => {
  assert.match(new TextDecoder().decode(sseOpening(1234.5)), /^: \w+\nretry: \d+\n\n$/);
});

Deno.test("what is no id of an event is refused", () => {
  for (
    const id of ["", "x", "run:", "run:-1", "run:1:", "run:1:end:end", "run:01", "a b:1", "run:1e3"]
  ) {
    assert.throws(() => parseEventId(id), { code: "bad_request" }, id);
  }
});

Deno.test("plain text is what tokens hold, in every way JSON can write it", () => {
  const contents = ["", "a", "\n", '"}', "\\", "é\u0000\u001f", "😀", '","content":"', "\b\t\f\r/"];
  for (const content of contents) {
    const forms = [
      JSON.stringify({ type: "token", content }),
      JSON.stringify({ type: "token", content, n: 1 }),
      JSON.stringify({ content, type: "token" }),
      ` {"type" : "token","content": ${JSON.stringify(content)} }\n`,
      `{"type":"token","content":"${
        Array.from(content, (c) =>
          [...Array(c.length).keys()].map((i) =>
            `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`
          ).join("")).join("")
      }"}`,
    ];
    for (const form of forms) assert.equal(written(new PlainTextWriter(), form), content, form);
  }
});

Deno.test("plain text leaves out messages of other types", () => {
  for (const type of ["done", "error", "log", "progress", "gap"]) {
    assert.equal(written(new PlainTextWriter(), `{"type":"${type}","content":"x"}`), "");
  }
});

Deno.test("plain text cannot go on at what is encrypted or cannot be read", () => {
  const messages = [
    '{"type":"enc","data":"AAAA"}',
    '{"type":"token"}',
    '{"type":"token","content":7}',
    '{"type":"token","content":"a}',
    '{"type":"token","content":"a\\"}',
    '{"type":"token","content":"a"',
    "null",
    "[]",
    "{}",
    "",
  ];
  for (const message of messages) {
    assert.equal(written(new PlainTextWriter(), message), undefined, message);
  }
});

Deno.test("NDJSON is the message and a newline; one inside becomes a space", () => {
  assert.equal(written(new NdjsonWriter(), '{\n"a": 1\n}'), '{ "a": 1 }\n');
});

const ACCEPTS: [string | undefined, string][] = [
  [undefined, "text"],
  ["", "text"],
  ["*/*", "text"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
  ["text/event-stream", "sse"],
  ["TEXT/Event-Stream;charset=utf-8", "sse"],
  ["application/x-ndjson", "ndjson"],
  ["application/jsonl, */*;q=0.1", "ndjson"],
  ["text/event-stream;q=0.5, application/x-ndjson;q=0.6", "ndjson"],
  ["text/event-stream;q=0, text/plain", "text"],
  ["text/event-stream;q=0", "text"],
  ["application/json", "text"],
  [`${"x,".repeat(100_000)}text/event-stream`, "text"],
  [";;;,,,=", "text"],
];

for (const [accept, format] of ACCEPTS) {
  Deno.test(`Accept: ${accept?.slice(0, 60)} is answered with ${format}`, () => {
    assert.equal(chooseFormat(accept), format);
  });
}

Deno.test("format= goes before Accept, and is one of three", () => {
  assert.equal(chooseFormat("text/event-stream", "text"), "text");
  for (const format of ["", "SSE", "json", "text "]) {
    assert.throws(() => chooseFormat("*/*", format), { code: "bad_request" });
  }
});

Deno.test("a body is text or NDJSON by its type, and 415 by any other", () => {
  const types = [
    undefined,
    "text/plain",
    "text/markdown; charset=UTF-8",
    "application/octet-stream",
  ];
  for (const type of types) assert.equal(bodyFormat(type), "text");
  assert.equal(bodyFormat("Application/X-NDJSON"), "ndjson");
  for (const type of ["application/json", "image/png", "text/plain; charset=utf-16", "x", ""]) {
    assert.throws(() => bodyFormat(type), { code: "bad_data" }, type);
  }
});
