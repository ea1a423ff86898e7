/** Consumers that are HTTP requests: three forms, where they begin, how they go on, and how they see the end. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { eventsOf, HttpReading, readAll } from "../helpers/http_reading.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { channelsBecome } from "../helpers/relay_state.ts";
import { until } from "../helpers/within.ts";

const SSE = { Accept: "text/event-stream" };
const HOST = { Host: "localhost" };
const token = (content: string) => JSON.stringify({ type: "token", content });
const DONE = '{"type":"done"}';

type Options = Parameters<typeof startRelay>[0];

/** A relay of this process, and a producer of the plain protocol on channel `c`. */
async function setUp(options: Options = {}) {
  const relay = await startRelay({ port: 0, ...options });
  const producer = await RawSocket.webSocket(relay.port, "/produce/c");
  return {
    relay,
    producer,
    at: `${relay.url}/consume/c`,
    async [Symbol.asyncDispose]() {
      producer.close();
      await relay.stop();
    },
  };
}

const typesOf = (text: string) => eventsOf(text).map(({ event }) => event);
const contentOf = (text: string) =>
  eventsOf(text).filter(({ event }) => event === "token").map(({ data }) =>
    JSON.parse(data).content
  ).join("");

Deno.test("the same stream is text, NDJSON or events, for those who wait and those who come late", async () => {
  await using relay = await startRelay({ port: 0 });
  const at = `${relay.url}/consume/c`;
  const forms: Record<string, string>[] = [
    {},
    { Accept: "application/x-ndjson" },
    { Accept: "text/event-stream" },
  ];
  const early = await Promise.all(forms.map((headers) => HttpReading.open(at, headers)));
  await using producer = await RawSocket.webSocket(relay.port, "/produce/c");
  await producer.send(token("a\n"), '{"type":"log","content":"l"}', token("b"), DONE);
  const late = await Promise.all(forms.map((headers) => HttpReading.open(at, headers)));
  for (const readings of [early, late]) {
    const [text, ndjson, sse] = await Promise.all(readings.map((reading) => reading.rest()));
    assert.deepEqual(text, { text: "a\nb", whole: true });
    const lines = [token("a\n"), '{"type":"log","content":"l"}', token("b"), DONE];
    assert.deepEqual(ndjson, { text: lines.map((line) => `${line}\n`).join(""), whole: true });
    assert.equal(sse.whole, true);
    assert.deepEqual(typesOf(sse.text), ["begin", "token", "log", "token", "done", "end"]);
    assert.deepEqual(eventsOf(sse.text).slice(1, -1).map(({ data }) => data), lines);
  }
  for (const reading of [...early, ...late]) await reading[Symbol.asyncDispose]();
});

Deno.test("a stream's head comes before there is anything to read, and says how it is not to be handled", async () => {
  await using relay = await startRelay({ port: 0 });
  const types = {
    sse: "text/event-stream",
    ndjson: "application/x-ndjson",
    text: "text/plain; charset=utf-8",
  };
  for (const [format, type] of Object.entries(types)) {
    await using reading = await HttpReading.open(`${relay.url}/consume/c?format=${format}`);
    const { status, headers } = reading.response;
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), type);
    assert.equal(headers.get("stream-state"), "waiting");
    assert.equal(headers.get("x-accel-buffering"), "no");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("cache-control")!, /no-cache.*no-transform/);
    if (format === "sse") await reading.until(/^: \w+\nretry: \d+\n\n/);
  }
  await channelsBecome(relay.port, 0);
});

Deno.test("an id, or a position in from=, goes on behind its event; live is what is still to come", async () => {
  await using set = await setUp();
  const { producer, at } = set;
  await producer.send(token("a"), token("b"));
  await using first = await HttpReading.open(at, SSE);
  await first.until(/"b"/);
  const { id } = eventsOf(first.text).find(({ event }) => event === "token")!;
  await using byId = await HttpReading.open(`${at}?from=live`, { ...SSE, "Last-Event-ID": id });
  await using byQuery = await HttpReading.open(`${at}?from=${id}`, SSE);
  await using live = await HttpReading.open(`${at}?from=live`, SSE);
  await live.until(/begin/);
  await producer.send(token("c"), DONE);
  assert.equal(contentOf((await byId.rest()).text), "bc");
  assert.equal(contentOf((await byQuery.rest()).text), "bc");
  assert.equal(contentOf((await live.rest()).text), "c");
});

Deno.test("whatever event a reader is cut after, coming back it gets each message once", async () => {
  await using set = await setUp();
  const contents = Array.from({ length: 6 }, (_, i) => `${i} `);
  await set.producer.send(...contents.map(token), DONE);
  const events = eventsOf((await readAll(set.at, SSE)).text);
  for (const [i, { id }] of events.slice(0, -1).entries()) {
    const rest = eventsOf((await readAll(set.at, { ...SSE, "Last-Event-ID": id })).text);
    assert.deepEqual(rest.slice(1), events.slice(i + 1));
  }
});

Deno.test("a browser that comes back after the end is told to stay away, by 204", async () => {
  await using set = await setUp();
  await set.producer.send(token("a"), DONE);
  const { id } = eventsOf((await readAll(set.at, SSE)).text).at(-1)!;
  assert.match(id, /:2:end$/);
  const answer = await fetch(set.at.replace("ws", "http"), {
    headers: { ...SSE, "Last-Event-ID": id },
  });
  assert.equal(answer.status, 204);
});

Deno.test("an EventSource that is cut goes on by itself, and stops at the end", async () => {
  await using set = await setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  const source = new EventSource(set.at.replace("ws", "http"));
  const got: string[] = [];
  source.addEventListener("token", ({ data }) => got.push(JSON.parse(data).content));
  source.addEventListener("end", ({ data }) => got.push(data));
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && resolve());
  await set.producer.send(token("a"), DONE);
  await promise; // it came back, and was answered 204
  assert.deepEqual(got, ["a", '{"type":"end","next":2,"ok":true}']);
});

Deno.test("an id of a run that is over is 409, with restart=true the new one is read instead", async () => {
  await using set = await setUp();
  await set.producer.send(token("old"), DONE);
  const [, { id }] = eventsOf((await readAll(set.at, SSE)).text);
  await using again = await RawSocket.webSocket(set.relay.port, "/produce/c");
  await again.send(token("new"), DONE);
  const refused = await fetch(set.at.replace("ws", "http"), { headers: { "Last-Event-ID": id } });
  assert.deepEqual([refused.status, (await refused.json()).error.code], [409, "fenced"]);
  const { text } = await readAll(`${set.at}?restart=true`, { ...SSE, "Last-Event-ID": id });
  assert.deepEqual(typesOf(text), ["restart", "token", "done", "end"]);
  assert.equal(contentOf(text), "new");
});

Deno.test("a reader that waits at a position of another run than the one that comes is told, and cut", async () => {
  await using relay = await startRelay({ port: 0 });
  await using reader = await HttpReading.open(`${relay.url}/consume/c?from=run-1:7`, SSE);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/c");
  await producer.send(DONE);
  const { text, whole } = await reader.rest();
  assert.equal(whole, false);
  const { status, code } = JSON.parse(eventsOf(text).at(-1)!.data);
  assert.deepEqual([status, code], ["refused", "fenced"]);
});

Deno.test("a gap is an event, a line, or a header and a body that is not whole", async () => {
  await using set = await setUp({ maxBuffer: 2 });
  await set.producer.send(token("a"), token("b"), token("c"), DONE);
  const sse = await readAll(set.at, SSE);
  assert.deepEqual(typesOf(sse.text), ["begin", "gap", "token", "done", "end"]);
  assert.deepEqual(JSON.parse(eventsOf(sse.text)[1].data), { type: "gap", from: 0, to: 2 });
  assert.equal(sse.whole, true);
  const ndjson = await readAll(`${set.at}?format=ndjson`);
  assert.equal(ndjson.text, `{"type":"gap","from":0,"to":2}\n${token("c")}\n${DONE}\n`);
  assert.equal(ndjson.whole, true);
  const { text, whole, response } = await readAll(set.at);
  assert.deepEqual([text, whole, response.headers.get("stream-gap")], ["c", false, "0-1"]);
});

Deno.test("a stream that was lost ends in a body that is broken off, after all of its text", async () => {
  await using set = await setUp();
  const forms = ["text", "ndjson", "sse"].map((format) => `${set.at}?format=${format}`);
  const readings = await Promise.all(forms.map((url) => HttpReading.open(url)));
  await set.producer.send(token("half"));
  for (const reading of readings) await reading.until(/half/);
  set.producer.close();
  const [text, ndjson, sse] = await Promise.all(readings.map((reading) => reading.rest()));
  assert.deepEqual(text, { text: "half", whole: false });
  assert.equal(JSON.parse(ndjson.text.trimEnd().split("\n").at(-1)!).code, "lost");
  assert.deepEqual(JSON.parse(eventsOf(sse.text).at(-1)!.data), {
    type: "end",
    next: 1,
    ok: false,
    status: "lost",
  });
  assert.ok(!ndjson.whole && !sse.whole);
  for (const reading of readings) await reading[Symbol.asyncDispose]();
});

Deno.test("text is broken off before a message that cannot be read here", async () => {
  await using set = await setUp();
  await set.producer.send(token("a"), '{"type":"enc","data":"AAAA"}', token("b"), DONE);
  const { text, whole } = await readAll(set.at);
  assert.deepEqual([text, whole], ["a", false]);
  await channelsBecome(set.relay.port, 1);
});

Deno.test("an idle event stream has a comment now and then, which no event comes of", async () => {
  await using set = await setUp({ pingIntervalMs: 100 });
  await using reader = await HttpReading.open(set.at, SSE);
  await reader.until(/\n:\n\n:\n\n/);
  await set.producer.send(DONE);
  assert.deepEqual(typesOf((await reader.rest()).text), ["begin", "done", "end"]);
});

Deno.test("HTTP/1.0 gets no chunks: the end of the connection is that of the body", async () => {
  await using set = await setUp();
  await using socket = await RawSocket.connect(set.relay.port);
  await socket.write("GET /consume/c HTTP/1.0\r\n\r\n");
  const { headers } = await socket.response();
  assert.equal(headers.get("transfer-encoding"), undefined);
  await set.producer.send(token("a"), DONE);
  assert.equal(new TextDecoder().decode(await socket.rest()), "a");
});

Deno.test("one connection carries a stream after another, and what was asked meanwhile after that", async () => {
  await using set = await setUp();
  await using socket = await RawSocket.connect(set.relay.port);
  await socket.write(
    request("GET /consume/c", HOST) + request("HEAD /consume/c", { ...HOST, Connection: "close" }),
  );
  await socket.response();
  await set.producer.send(token("a"), DONE);
  const all = new TextDecoder().decode(await socket.rest());
  assert.match(all, /^1\r\na\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

Deno.test("a reader that takes nothing holds up nobody and is cut off in time", async () => {
  await using set = await setUp({ stallTimeoutMs: 300, maxBufferBytes: 1 << 20 });
  await using idle = await RawSocket.connect(set.relay.port);
  await idle.write(request("GET /consume/c", { ...HOST, ...SSE }));
  await using reader = await HttpReading.open(`${set.at}?format=ndjson`);
  const batch = Array<string>(100).fill(token("x".repeat(1000)));
  const bytes = batch.join("\n").length + 1;
  for (let i = 1; i <= 200; i++) { // far more than the buffers on the way take
    await set.producer.send(...batch);
    await reader.untilLength(i * bytes);
  }
  const health = `${set.relay.url.replace("ws", "http")}/health`;
  const connections = async () => (await (await fetch(health)).json()).connections;
  // the producer and the other reader
  await until(async () => await connections() === 2, "the idle reader to be cut off");
  await set.producer.send(DONE);
  assert.equal((await reader.rest()).whole, true);
  assert.doesNotMatch(new TextDecoder().decode(await idle.rest()), /event: done/);
});

Deno.test("as many HTTP readers as --max-consumers, one more is 429 and told when to come back", async () => {
  await using set = await setUp({ maxConsumers: 2 });
  await using _one = await HttpReading.open(set.at);
  await using two = await HttpReading.open(set.at);
  const { status, headers, body } = await fetch(set.at.replace("ws", "http"));
  assert.equal(status, 429);
  assert.match(headers.get("retry-after")!, /^\d+$/);
  await body?.cancel();
  await two[Symbol.asyncDispose]();
  await set.producer.send(token("a"), DONE);
});

Deno.test("HEAD tells state and position, and makes no channel", async () => {
  await using relay = await startRelay({ port: 0 });
  const head = async () => {
    const { status, headers } = await fetch(`${relay.url.replace("ws", "http")}/consume/c`, {
      method: "HEAD",
    });
    const of = (name: string) => headers.get(`stream-${name}`);
    return [status, of("state"), of("status"), of("first"), of("next")];
  };
  assert.deepEqual(await head(), [200, "waiting", null, null, null]);
  await channelsBecome(relay.port, 0);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/c");
  await using reader = await HttpReading.open(`${relay.url}/consume/c`);
  await producer.send(token("a"), token("b"));
  await reader.until(/b/);
  assert.deepEqual(await head(), [200, "live", null, "0", "2"]);
  await producer.send(DONE);
  await reader.rest();
  assert.deepEqual(await head(), [200, "ended", "done", "0", "3"]);
});

Deno.test("a relay that shuts down breaks bodies off, and tells in NDJSON", async () => {
  await using set = await setUp();
  await using reader = await HttpReading.open(`${set.at}?format=ndjson`);
  await set.producer.send(token("a"));
  await reader.until(/a/);
  const stopped = set.relay.stop();
  const { text, whole } = await reader.rest();
  assert.equal(whole, false);
  assert.equal(JSON.parse(text.trimEnd().split("\n").at(-1)!).code, "draining");
  set.producer.close();
  await stopped;
});
