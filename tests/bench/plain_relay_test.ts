/** `bench ttft` with a relay that only speaks the plain protocol (v1). */

import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { evenModel } from "../../src/bench/model.ts";
import { measureTtft } from "../../src/bench/ttft.ts";
import { within } from "../helpers/within.ts";

/** A relay that takes no subprotocol, and keeps all messages; `lose` says which it drops. */
async function startPlainRelay({ lose = (_: string): boolean => false } = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => false });
  await new Promise((resolve) => server.once("listening", resolve));
  const channels = new Map<string, { messages: string[]; readers: Set<WebSocket> }>();
  server.on("connection", (socket: WebSocket, { url }: { url?: string }) => {
    const [, role, name] = url!.split("/");
    const channel = channels.get(name) ?? { messages: [], readers: new Set() };
    channels.set(name, channel);
    socket.on("error", () => {}); // `close` follows
    if (role === "consume") {
      channel.messages.forEach((message) => socket.send(message));
      channel.readers.add(socket);
      return;
    }
    socket.on("message", (data: Uint8Array) => {
      const message = data.toString();
      if (lose(message)) return;
      channel.messages.push(message);
      channel.readers.forEach((reader) => reader.send(message));
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.clients.forEach((socket: WebSocket) => socket.terminate());
        server.close(() => resolve());
      }),
  };
}

function measure(url: string, options = {}) {
  const model = evenModel({ prefillMs: 20, rate: 100, tokens: 10 });
  const { signal } = new AbortController();
  const measuring = measureTtft({
    url,
    plain: true,
    model,
    runs: 2,
    parallel: 2,
    signal,
    ...options,
  });
  return within(measuring, "the measurement");
}

Deno.test("a relay of the plain protocol is measured, too", async () => {
  await using relay = await startPlainRelay();
  const { result, failure } = await measure(relay.url);
  assert.deepEqual([failure, result.partial, result.runs.length], [undefined, false, 2]);
  assert.equal(result.perToken.latency.count, 20);
  assert.deepEqual(result.faults, { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 });
});

Deno.test("tokens that a relay of the plain protocol loses are counted", async () => {
  const last = evenModel({ prefillMs: 20, rate: 100, tokens: 10 }).tokens[9].content;
  const token = JSON.stringify({ type: "token", content: last });
  await using relay = await startPlainRelay({ lose: (message) => message === token });
  const { result } = await measure(relay.url);
  assert.equal(result.faults?.lost, 2);
});

Deno.test("streams cannot be sent back through a relay of the plain protocol", async () => {
  await using relay = await startPlainRelay();
  const echo = { id: "node-7", timeoutMs: 1_000 };
  await assert.rejects(measure(relay.url, { echo }), { code: "unreachable", message: /\(v1\)/ });
});
