/** A relay that is told to stop: who is there is told, who comes is told too, and `/health` says so until it is gone. */

import assert from "node:assert/strict";
import { checkHealth } from "../../src/client/health.ts";
import { ERRORS } from "../../src/errors.ts";
import { startRelay } from "../../src/mod.ts";
import { clientFrame } from "../helpers/client_frames.ts";
import { exchange, HANDSHAKE, RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { channelsBecome } from "../helpers/relay_state.ts";
import { within } from "../helpers/within.ts";

const TOKEN = '{"type":"token","content":"Hi"}';
const GOODBYE = { code: 1001, reason: ERRORS.draining.text };
const HOST = { Host: "localhost" };

/** A relay that shuts down, and waits for one reader who has not answered its goodbye. */
async function drainingRelay() {
  const relay = await startRelay({ port: 0 });
  const reader = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await reader.write(clientFrame("", { opcode: 9 }));
  assert.equal((await reader.frame())?.opcode, 10);
  const stopped = relay.stop();
  assert.deepEqual((await reader.messages()).close, GOODBYE);
  return {
    ...relay,
    /** The reader leaves; resolves when the relay has stopped. */
    async leave() {
      reader.close();
      await within(stopped, "the relay to stop");
    },
    async [Symbol.asyncDispose]() {
      reader.close();
      await stopped;
    },
  };
}

Deno.test("a relay that is told to stop says 1001 to everyone and lets nobody in", async () => {
  await using stopping = await startRelayProcess();
  const { port } = stopping;
  await using consumer = await RawSocket.webSocket(port, "/consume/job-7");
  await using waiting = await RawSocket.webSocket(port, "/consume/job-8");
  await using producer = await RawSocket.webSocket(port, "/produce/job-7");
  await using silent = await RawSocket.connect(port);
  await producer.send(TOKEN);
  assert.equal(await consumer.message(), TOKEN);
  await channelsBecome(port, 2);

  const stopped = stopping.stop();
  assert.deepEqual(await producer.closed(), GOODBYE);
  for (const socket of [consumer, waiting]) {
    const { texts: [error, ...more], close } = await socket.messages();
    assert.equal(JSON.parse(error).code, "draining");
    assert.deepEqual({ more, close }, { more: [], close: GOODBYE });
  }
  // three clients that do not leave: two do not answer the goodbye, one never said a word
  assert.equal(await within(stopped, "the relay to stop"), 0);
  assert.ok(await silent.ended());
  await assert.rejects(RawSocket.connect(port), Deno.errors.ConnectionRefused);
});

Deno.test("its health is 503 with the whole document, live and not ready, to new connections too", async () => {
  await using relay = await drainingRelay();
  for (const method of ["GET", "HEAD"]) {
    const answer = await exchange(relay.port, request(`${method} /health`, HOST));
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("connection"), "close");
    assert.equal(answer.headers.get("content-type"), "application/json");
    if (method === "HEAD") continue;
    const { status, live, ready, connections, active_channels, timestamp } = JSON.parse(
      answer.body,
    );
    assert.deepEqual([status, live, ready], ["draining", true, false]);
    assert.deepEqual([connections, active_channels], [1, 1]);
    assert.ok(!Number.isNaN(Date.parse(timestamp)));
  }
});

Deno.test("its health is told over a WebSocket, too, as the Python client asks", async () => {
  await using relay = await drainingRelay();
  await using socket = await RawSocket.webSocket(relay.port, "/health");
  const { texts: [text], close } = await socket.messages();
  assert.deepEqual([JSON.parse(text).status, JSON.parse(text).ready], ["draining", false]);
  assert.deepEqual(close, { code: 1000, reason: "" });
});

Deno.test("our client reads that it is draining", async () => {
  await using relay = await drainingRelay();
  assert.equal((await checkHealth(relay.url)).status, "draining");
});

Deno.test("anything else is refused with 503 and when to come back", async () => {
  await using relay = await drainingRelay();
  const asked = [
    ...["GET /", "GET /metrics", "GET /channels", "GET /consume/job-7", "GET /view/job-7"].map((
      line,
    ) => request(line, HOST)),
    request("PUT /produce/job-7", { ...HOST, "Content-Length": "3" }, "abc"),
    request("GET /consume/job-7", HANDSHAKE),
    request("GET /produce/job-7", HANDSHAKE),
  ];
  for (const text of asked) {
    const { status, headers, body } = await exchange(relay.port, text);
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"], text);
    assert.deepEqual(JSON.parse(body), {
      error: { code: "draining", message: ERRORS.draining.text },
    });
  }
});

Deno.test("a page of a stranger's name is told nothing of it", async () => {
  await using relay = await drainingRelay();
  for (
    const headers of [{ ...HOST, Host: "evil.example" }, { ...HANDSHAKE, Host: "evil.example" }]
  ) {
    assert.equal((await exchange(relay.port, request("GET /health", headers))).status, 403);
  }
});

Deno.test("once the last one has left it is gone, whatever else is connected", async () => {
  await using relay = await drainingRelay();
  await using idle = await RawSocket.connect(relay.port); // says nothing
  await using kept = await RawSocket.connect(relay.port); // would ask again
  await kept.write(request("GET /health", HOST));
  assert.equal((await kept.response()).status, 503);
  await relay.leave();
  for (const socket of [idle, kept]) assert.ok(await socket.ended());
  await assert.rejects(RawSocket.connect(relay.port), Deno.errors.ConnectionRefused);
});

Deno.test("a relay in which nobody is stops listening at once", async () => {
  const relay = await startRelay({ port: 0 });
  await within(relay.stop(), "the relay to stop");
  await assert.rejects(RawSocket.connect(relay.port), Deno.errors.ConnectionRefused);
});
