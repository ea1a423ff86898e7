/** Producers that are HTTP requests: what their bodies become, and what becomes of a body that is cut. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { eventsOf, HttpReading, readAll, type ReadEvent } from "../helpers/http_reading.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { until } from "../helpers/within.ts";

const NDJSON = { "Content-Type": "application/x-ndjson" };
const CHUNKED = { Host: "localhost", "Transfer-Encoding": "chunked" };
const SSE = { Accept: "text/event-stream" };
const RESUME_MS = 300;

/** A relay of this process on which a broken run is soon lost. */
function newRelay(options: Parameters<typeof startRelay>[0] = {}) {
  return startRelay({ port: 0, resumeTimeoutMs: RESUME_MS, ...options });
}

/** Sends a whole body; returns the answer, and its JSON. */
async function put(
  url: string,
  body: BodyInit,
  headers: Record<string, string> = {},
  method = "PUT",
) {
  const answer = await fetch(url.replace(/^ws/, "http"), { method, body, headers });
  return { status: answer.status, headers: answer.headers, json: await answer.json() };
}

/** The messages of a channel, of which the last says how it ended. */
async function messagesOf(url: string, channel: string): Promise<ReadEvent[]> {
  const { text } = await readAll(`${url}/consume/${channel}`, SSE);
  return eventsOf(text).filter(({ event }) => event !== "begin" && event !== "producer");
}

const dataOf = (events: ReadEvent[]) => events.map(({ data }) => JSON.parse(data));
const chunk = (text: string) =>
  `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`;
const token = (content: string) => `{"type":"token","content":"${content}"}`;

Deno.test("text becomes tokens cut after newlines, then done; the answer counts them", async () => {
  await using relay = await newRelay();
  const { status, json } = await put(`${relay.url}/produce/c`, "one\ntwo ä", {
    "Content-Type": "text/plain",
  });
  const { epoch, ...counts } = json;
  assert.equal(status, 200);
  assert.match(epoch, /^v1-/);
  assert.deepEqual(counts, { channel: "c", next: 3, messages: 2, bytes: 10 });
  assert.deepEqual(dataOf(await messagesOf(relay.url, "c")), [
    { type: "token", content: "one\n" },
    { type: "token", content: "two ä" },
    { type: "done" },
    { type: "end", next: 3, ok: true },
  ]);
});

Deno.test("POST is as good as PUT, and no Content-Type is text", async () => {
  await using relay = await newRelay();
  const body = new TextEncoder().encode("x");
  assert.equal((await put(`${relay.url}/produce/c`, body, {}, "POST")).json.messages, 1);
});

Deno.test("NDJSON becomes the messages it is, empty lines left out, the last one with or without its newline", async () => {
  await using relay = await newRelay();
  const lines = [token("a"), '{"type":"progress","percent":50}', '{"type":"log","content":"l"}'];
  for (const body of [`\n${lines.join("\n\r\n \n")}`, `${lines.join("\n")}\n\n`]) {
    const { status, json } = await put(`${relay.url}/produce/c`, body, NDJSON);
    assert.equal(status, 200);
    assert.deepEqual([json.messages, json.bytes], [3, body.length]);
    const messages = await messagesOf(relay.url, "c");
    assert.deepEqual(messages.slice(0, 3).map(({ data }) => data.trim()), lines);
    assert.deepEqual(messages.map(({ event }) => event).slice(3), ["done", "end"]);
  }
});

Deno.test("an empty body is a stream without a token", async () => {
  await using relay = await newRelay();
  for (const headers of [{}, NDJSON]) {
    const { json } = await put(`${relay.url}/produce/c`, "", headers);
    assert.deepEqual([json.messages, json.bytes, json.next], [0, 0, 1]);
  }
});

const ENDINGS: [string, string[], string][] = [
  ["done of its own is not followed by another", [token("a"), '{"type":"done"}'], "done"],
  ["an error as its last message is an error", ['{"type":"error","message":"m"}'], "error"],
  [
    "an error, then done, is an error",
    ['{"type":"error","message":"m"}', '{"type":"done"}'],
    "error",
  ],
  ["a sealed message as its last one is closed", ['{"type":"enc","data":"AA"}'], "closed"],
];

for (const [what, lines, status] of ENDINGS) {
  Deno.test(`NDJSON: ${what}`, async () => {
    await using relay = await newRelay();
    await put(`${relay.url}/produce/c`, lines.join("\n"), NDJSON);
    const messages = await messagesOf(relay.url, "c");
    assert.deepEqual(messages.slice(0, -1).map(({ data }) => data), lines);
    const end = status === "done" ? { ok: true } : { ok: false, status };
    assert.deepEqual(JSON.parse(messages.at(-1)!.data), {
      type: "end",
      next: lines.length,
      ...end,
    });
  });
}

const BAD_LINES: [string, string, number][] = [
  ["no JSON", "nope", 2],
  ["no object", "[]", 2],
  ["no type", '{"content":"secret"}', 2],
  ["two messages", `${token("a")},${token("b")}`, 2],
  ["a message after done", `{"type":"done"}\n${token("b")}`, 3],
];

for (const [what, line, number] of BAD_LINES) {
  Deno.test(`NDJSON: ${what} is refused by the number of its line; what was before is kept`, async () => {
    await using relay = await newRelay();
    const { status, json } = await put(
      `${relay.url}/produce/c`,
      `${token("a")}\n${line}\n`,
      NDJSON,
    );
    assert.equal(status, 400);
    assert.equal(json.error.code, "bad_request");
    assert.match(json.error.message, new RegExp(`^line ${number} `));
    assert.doesNotMatch(json.error.message, /secret/);
    const messages = dataOf(await messagesOf(relay.url, "c"));
    assert.deepEqual(messages[0], { type: "token", content: "a" });
    const done = messages[1].type === "done"; // what comes after it does not undo that
    assert.equal(messages.at(-1).status, done ? undefined : "lost");
  });
}

Deno.test("NDJSON that is no UTF-8 is refused; text is mended", async () => {
  await using relay = await newRelay();
  const bad = Uint8Array.of(0x61, 0xff, 0x0a);
  const refused = await put(`${relay.url}/produce/c`, bad, NDJSON);
  assert.deepEqual([refused.status, refused.json.error.code], [400, "bad_text"]);
  assert.equal((await put(`${relay.url}/produce/d`, bad)).status, 200);
  assert.equal((await readAll(`${relay.url}/consume/d`)).text, "a\ufffd\n");
});

Deno.test("a line above --max-message-bytes is 413 before all of it is kept; long text is cut up", async () => {
  await using relay = await newRelay({ maxMessageBytes: 1000 });
  const long = "x".repeat(100_000);
  const refused = await put(`${relay.url}/produce/c`, token(long), NDJSON);
  assert.deepEqual([refused.status, refused.json.error.code], [413, "too_big"]);
  assert.equal((await put(`${relay.url}/produce/d`, long)).status, 200);
  assert.equal((await readAll(`${relay.url}/consume/d`)).text, long);
});

Deno.test("any cut of a body, even within characters and lines, makes the same stream", async () => {
  await using relay = await newRelay();
  const text = 'ä😀\n"x"\n';
  const bytes = new TextEncoder().encode(text);
  for (let cut = 1; cut < bytes.length; cut++) {
    await using socket = await RawSocket.connect(relay.port);
    await socket.write(request("PUT /produce/c", CHUNKED));
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      await socket.write(`${part.length.toString(16)}\r\n`);
      await socket.write(part);
      await socket.write("\r\n");
    }
    await socket.write("0\r\n\r\n");
    const { status, body } = await socket.response();
    assert.equal(status, 200, body);
    assert.equal(JSON.parse(body).bytes, bytes.length);
    assert.equal((await readAll(`${relay.url}/consume/c`)).text, text);
  }
});

Deno.test("each piece is there for consumers before the next one is sent", async () => {
  await using relay = await newRelay();
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`);
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", CHUNKED));
  for (const word of ["one ", "two ", "three "]) {
    await socket.write(chunk(word));
    await consumer.until(new RegExp(`${word}$`));
  }
  await socket.write("0\r\n\r\n");
  assert.deepEqual(await consumer.rest(), { text: "one two three ", whole: true });
});

Deno.test("a client that expects 100 gets it at once, one that is refused gets that instead", async () => {
  await using relay = await newRelay();
  await using socket = await RawSocket.connect(relay.port);
  const expecting = { ...CHUNKED, Expect: "100-continue" };
  await socket.write(request("PUT /produce/c", expecting));
  assert.equal((await socket.response()).status, 100);
  await using second = await RawSocket.connect(relay.port);
  await second.write(request("PUT /produce/c", expecting));
  const { status, body } = await second.response();
  assert.deepEqual([status, JSON.parse(body).error.code], [409, "producer_exists"]);
  await socket.write(`${chunk("x")}0\r\n\r\n`);
  assert.equal((await socket.response()).status, 200);
});

Deno.test("a body that is cut is away, then lost when the grace time is over", async () => {
  await using relay = await newRelay();
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`, SSE);
  const socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", CHUNKED) + chunk("half"));
  await consumer.until(/half/);
  socket.close();
  const { text, whole } = await consumer.rest();
  assert.equal(whole, false);
  const [, away, end] = dataOf(eventsOf(text).slice(1));
  assert.deepEqual(away, { type: "producer", state: "away" });
  assert.deepEqual(end, { type: "end", next: 1, ok: false, status: "lost" });
});

Deno.test("a run with an epoch goes on where it was cut: HEAD tells the message and the byte", async () => {
  await using relay = await newRelay({ resumeTimeoutMs: 20_000 });
  const all = "one\ntwo\nthree\n";
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`);
  const socket = await RawSocket.connect(relay.port);
  const run = { "Stream-Epoch": "run-1" };
  await socket.write(request("PUT /produce/c", { ...CHUNKED, ...run }) + chunk(all.slice(0, 6)));
  await consumer.until(/tw$/);
  socket.close();
  const head = async () =>
    (await fetch(`${relay.url.replace("ws", "http")}/produce/c`, { method: "HEAD" })).headers;
  await until(async () => (await head()).get("stream-state") === "away", "the producer to be away");
  const at = await head();
  assert.deepEqual([at.get("stream-epoch"), at.get("stream-next"), at.get("stream-bytes")], [
    "run-1",
    "2",
    "6",
  ]);
  const { status, json } = await put(`${relay.url}/produce/c`, all.slice(6), {
    ...run,
    "Stream-Next": "2",
  });
  assert.equal(status, 200);
  assert.deepEqual([json.epoch, json.next], ["run-1", 5]);
  assert.deepEqual(await consumer.rest(), { text: all, whole: true });
});

Deno.test("what is sent again is not doubled, nor a whole body whose answer was lost", async () => {
  await using relay = await newRelay();
  const lines = ["a", "b", "c"].map(token);
  const run = { ...NDJSON, "Stream-Epoch": "run-1", "Stream-Next": "0" };
  const socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", { ...CHUNKED, ...run }) + chunk(`${lines[0]}\n`));
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`);
  await consumer.until(/a/);
  for (let time = 0; time < 2; time++) {
    const { status, json } = await put(`${relay.url}/produce/c`, lines.join("\n"), run);
    assert.deepEqual([status, json.messages, json.next], [200, 3, 4]);
  }
  // it took over from its own half-open connection, which is told
  assert.equal((await socket.response()).status, 409);
  socket.close();
  assert.deepEqual(await consumer.rest(), { text: "abc", whole: true });
});

Deno.test("a gap between what is here and what is sent is refused, and says where to go on", async () => {
  await using relay = await newRelay();
  const run = { ...NDJSON, "Stream-Epoch": "run-1" };
  const socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", { ...CHUNKED, ...run }) + chunk(`${token("a")}\n`));
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`);
  await consumer.until(/a/);
  const { status, headers } = await put(`${relay.url}/produce/c`, token("z"), {
    ...run,
    "Stream-Next": "7",
  });
  assert.equal(status, 400);
  assert.equal(headers.get("stream-next"), "1");
  socket.close();
});

Deno.test("a run that another one has replaced is fenced out", async () => {
  await using relay = await newRelay();
  await put(`${relay.url}/produce/c`, "a", { "Stream-Epoch": "run-1" });
  await put(`${relay.url}/produce/c`, "b", { "Stream-Epoch": "run-2" });
  const { status, json } = await put(`${relay.url}/produce/c`, "c", { "Stream-Epoch": "run-1" });
  assert.deepEqual([status, json.error.code], [409, "fenced"]);
});

const BAD_RUNS: Record<string, string>[] = [
  { "Stream-Next": "0" },
  { "Stream-Epoch": "a b" },
  { "Stream-Epoch": "x".repeat(65) },
  { "Stream-Epoch": "v1-mine" },
  { "Stream-Epoch": "" },
  ...["-1", "1.5", "1e3", "9007199254740992", "x", "", "0".repeat(3000)].map((next) => ({
    "Stream-Epoch": "run-1",
    "Stream-Next": next,
  })),
  { "Stream-Meta": "nope" },
  { "Stream-Meta": '{"job":7}' },
];

for (const headers of BAD_RUNS) {
  Deno.test(`a producer is refused for ${JSON.stringify(headers).slice(0, 60)}`, async () => {
    await using relay = await newRelay();
    const { status } = await put(`${relay.url}/produce/c`, "a", headers);
    assert.equal(status, 400);
    const { headers: head } = await readHead(relay.url, "/consume/c");
    assert.equal(head.get("stream-state"), "waiting");
  });
}

function readHead(url: string, path: string): Promise<Response> {
  return fetch(url.replace("ws", "http") + path, { method: "HEAD" });
}

Deno.test("a body of another type, charset or coding is 415", async () => {
  await using relay = await newRelay();
  const bad: Record<string, string>[] = [
    { "Content-Type": "application/json" },
    { "Content-Type": "text/plain; charset=latin1" },
    { "Content-Encoding": "gzip" },
  ];
  for (const headers of bad) {
    const { status, json } = await put(`${relay.url}/produce/c`, "{}", headers);
    assert.deepEqual([status, json.error.code], [415, "bad_data"], JSON.stringify(headers));
  }
});

Deno.test("a body that brings nothing for --body-timeout is 408 and its stream lost; one that brings a byte now and then is not", async () => {
  await using relay = await newRelay({ bodyIdleTimeoutMs: 400, resumeTimeoutMs: 50 });
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`, SSE);
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", CHUNKED) + chunk("x"));
  const { status, headers, body } = await socket.response();
  assert.deepEqual([status, JSON.parse(body).error.code], [408, "timeout"]);
  assert.equal(headers.get("connection"), "close");
  const { text } = await consumer.rest();
  assert.equal(dataOf(eventsOf(text)).at(-1).status, "lost");
});

Deno.test("a consumer's cancel answers the producer before its body ends, and ends the stream as cancelled", async () => {
  await using relay = await newRelay();
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", CHUNKED) + chunk("x"));
  await using reader = await HttpReading.open(`${relay.url}/consume/c`, SSE);
  await reader.until(/x/);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/c", {
    "Sec-WebSocket-Protocol": "streamrelay.v2",
  });
  await consumer.send('{"type":"hello","role":"consume","position":"live"}');
  await consumer.send('{"type":"cancel","reason":"enough"}');
  const { status, body } = await socket.response();
  assert.equal(status, 409);
  assert.deepEqual(JSON.parse(body).error, { code: "cancelled", message: "cancelled: enough" });
  const { text, whole } = await reader.rest();
  assert.equal(whole, false);
  assert.equal(dataOf(eventsOf(text)).at(-1).status, "cancelled");
});

Deno.test("a fast producer waits for a slow reader, which misses nothing", async () => {
  await using relay = await newRelay({ maxBufferBytes: 256 * 1024 });
  await using consumer = await HttpReading.open(`${relay.url}/consume/c?format=ndjson`);
  const line = `${token("x".repeat(500))}\n`;
  const count = 20_000;
  const produced = put(`${relay.url}/produce/c`, line.repeat(count), NDJSON);
  const { text, whole } = await consumer.rest();
  assert.equal(whole, true);
  assert.equal((await produced).json.messages, count);
  assert.equal(text.length, line.length * count + '{"type":"done"}\n'.length);
});

Deno.test("a producer that is too fast is slowed down, not refused", async () => {
  await using relay = await newRelay({ maxMessageRate: 200 });
  const { status, json } = await put(
    `${relay.url}/produce/c`,
    `${token("x")}\n`.repeat(300),
    NDJSON,
  );
  assert.deepEqual([status, json.messages], [200, 300]);
});

Deno.test("a relay that shuts down answers producers 503", async () => {
  const relay = await newRelay();
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", CHUNKED) + chunk("x"));
  await using consumer = await HttpReading.open(`${relay.url}/consume/c`);
  await consumer.until(/x/);
  const stopped = relay.stop();
  const { status, body } = await socket.response();
  assert.deepEqual([status, JSON.parse(body).error.code], [503, "draining"]);
  assert.deepEqual(await consumer.rest(), { text: "x", whole: false });
  await consumer[Symbol.asyncDispose]();
  socket.close();
  await stopped;
});

/** Begins a body and cuts it once the relay has all of it. */
async function cutBody(
  relay: { url: string; port: number },
  body: string,
  { headers, next }: { headers: Record<string, string>; next: number },
): Promise<void> {
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/c", { ...CHUNKED, ...headers }) + chunk(body));
  await until(async () => {
    const head = await fetch(`${relay.url.replace("ws", "http")}/produce/c`, { method: "HEAD" });
    return head.headers.get("Stream-Next") === String(next);
  }, `message ${next}`);
}

async function head(url: string): Promise<Headers> {
  return (await fetch(`${url.replace("ws", "http")}/produce/c`, { method: "HEAD" })).headers;
}

Deno.test("once messages were sent twice no number of bytes is stated, as none would be right", async () => {
  await using relay = await newRelay({ resumeTimeoutMs: 10_000 });
  const run = { ...NDJSON, "Stream-Epoch": "run-1" };
  const lines = [0, 1, 2, 3].map((i) => `${token(String(i))}\n`);
  await cutBody(relay, lines.slice(0, 2).join(""), { headers: run, next: 2 });
  assert.equal((await head(relay.url)).get("Stream-Bytes"), String(lines[0].length * 2));
  const again = { ...run, "Stream-Next": "0" };
  await cutBody(relay, lines.slice(0, 3).join(""), { headers: again, next: 3 });
  assert.equal((await head(relay.url)).get("Stream-Bytes"), null);
  const whole = await put(`${relay.url}/produce/c`, lines.join(""), again);
  assert.equal(whole.status, 200);
  assert.equal((await head(relay.url)).get("Stream-Bytes"), null);
  const { text } = await readAll(`${relay.url}/consume/c`);
  assert.equal(text, "0123");
});

Deno.test("text cannot be sent twice: its tokens are cut as it is read", async () => {
  await using relay = await newRelay({ resumeTimeoutMs: 10_000 });
  const run = { "Stream-Epoch": "run-1" };
  await cutBody(relay, "one\ntwo\nthr", { headers: run, next: 3 });
  const again = await put(`${relay.url}/produce/c`, "one\ntwo\nthree\n", {
    ...run,
    "Stream-Next": "0",
  });
  assert.equal(again.status, 409);
  assert.equal(again.headers.get("Stream-Bytes"), "11");
  assert.match(again.json.error.message, /text goes on behind/);
  assert.equal((await put(`${relay.url}/produce/c`, "ee\n", run)).status, 200);
  const { text } = await readAll(`${relay.url}/consume/c`);
  assert.equal(text, "one\ntwo\nthree\n");
});

Deno.test("a holder that is malformed or repeated is refused by its name", async () => {
  await using relay = await newRelay();
  const holder = "a".repeat(22);
  for (const query of ["?holder=x", `?holder=${holder}&holder=${holder}`]) {
    const { status, json } = await put(`${relay.url}/produce/c${query}`, "text");
    assert.equal(status, 400);
    assert.match(json.error.message, /holder/);
  }
  const twice = await put(`${relay.url}/produce/c`, "text", {
    "Stream-Holder": `${holder}, ${holder}`,
  });
  assert.equal(twice.status, 400);
});

Deno.test("a request that is cut after its done line has ended the stream", async () => {
  await using relay = await newRelay({ resumeTimeoutMs: 60_000 });
  {
    await using socket = await RawSocket.connect(relay.port);
    await socket.write(new TextEncoder().encode(
      request("PUT /produce/c", { ...CHUNKED, ...NDJSON }) +
        chunk(`${token("a")}\n{"type":"done"}\n`),
    ));
    await until(async () => (await head(relay.url)).get("Stream-Next") === "2", "both messages");
  }
  assert.equal(dataOf(await messagesOf(relay.url, "c")).at(-1).ok, true);
});

Deno.test("a credential in the first line is not for the readers", async () => {
  await using relay = await newRelay();
  const lines = ['{"type":"auth","secret":"s3cret"}', token("a"), '{"type":"auth","n":2}'];
  const { json } = await put(`${relay.url}/produce/c`, `${lines.join("\n")}\n`, NDJSON);
  assert.equal(json.messages, 2);
  assert.deepEqual(dataOf(await messagesOf(relay.url, "c")), [
    { type: "token", content: "a" },
    { type: "auth", n: 2 },
    { type: "done" },
    { type: "end", next: 3, ok: true },
  ]);
});

Deno.test("bytes of a character whose rest was cut off are not counted, bad ones before them or not", async () => {
  await using relay = await newRelay({ resumeTimeoutMs: 60_000 });
  const run = { "Stream-Epoch": "run-1" };
  {
    await using socket = await RawSocket.connect(relay.port);
    const body = Uint8Array.of(0xff, 0x20, 0x61, 0xe2, 0x82);
    await socket.write(new TextEncoder().encode(request("PUT /produce/c", { ...CHUNKED, ...run })));
    await socket.write(new TextEncoder().encode(`${body.length}\r\n`));
    await socket.write(body);
    await until(async () => (await head(relay.url)).get("Stream-Bytes") === "3", "three bytes");
  }
  const next = (await head(relay.url)).get("Stream-Next")!;
  await until(async () => (await head(relay.url)).get("Stream-State") === "away", "the cut");
  await put(`${relay.url}/produce/c`, Uint8Array.of(0xe2, 0x82, 0xac), {
    ...run,
    "Stream-Next": next,
  });
  const text = dataOf(await messagesOf(relay.url, "c")).map(({ content = "" }) => content).join("");
  assert.equal(text, "\ufffd a€");
});
