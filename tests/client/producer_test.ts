/** Producers that are told to stop, and misused, at moments that do not suit. */

import assert from "node:assert/strict";
import { RelayProducer, startRelay } from "../../src/mod.ts";
import { within } from "../helpers/within.ts";

Deno.test("connecting ends when it is aborted, however early", async () => {
  await using relay = await startRelay({ port: 0 });
  const abort = new AbortController();
  const connecting = RelayProducer.connect({ url: relay.url, signal: abort.signal });
  abort.abort(new Error("not wanted"));
  await assert.rejects(connecting, { message: "not wanted" });
});

Deno.test("a producer with a failing callback fails, and takes nobody with it", async () => {
  const producer = await RelayProducer.start({
    url: "ws://127.0.0.1:9", // nobody is there
    onRelay: () => {
      throw new TypeError("a bug");
    },
  });
  const { code, cause } = await within(producer.lost, "the failure");
  assert.equal(code, "internal");
  assert.equal((cause as Error).message, "a bug");
});

Deno.test("nothing can be sent after the end", async () => {
  await using relay = await startRelay({ port: 0 });
  await using producer = await RelayProducer.connect({ url: relay.url });
  const done = producer.done();
  await assert.rejects(producer.sendToken("late"), { code: "usage" });
  await done;
  await assert.rejects(producer.sendToken("later"), { code: "usage" });
  await assert.rejects(producer.sendText(new TextEncoder().encode("latest")), { code: "usage" });
});

Deno.test("the first of several endings counts, and the stream has no other", async () => {
  await using relay = await startRelay({ port: 0 });
  await using producer = await RelayProducer.connect({ url: relay.url });
  await Promise.all([producer.done(), producer.done(), producer.error("not so good")]);
  const all = new URL(`/consume/${producer.channel}?format=ndjson`, relay.url);
  all.protocol = "http:";
  const response = await fetch(all);
  assert.equal(await response.text(), '{"type":"done","usage":{}}\n');
});
