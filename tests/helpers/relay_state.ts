/**
 * What can be seen of a relay from outside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exchange, RawSocket, request } from "./raw_socket.ts";
import type { RelayProcess } from "./relay_process.ts";
import { until } from "./within.ts";

/** Number of channels that `/health` tells. */
export async function activeChannels(port: number): Promise<number> {
  const { status, body } = await exchange(
    port,
    request("GET /health", { Host: "localhost", Connection: "close" }),
  );
  assert.equal(status, 200, body);
  return JSON.parse(body).active_channels;
}

/** Resolves when the relay has `count` channels. */
export function channelsBecome(port: number, count: number): Promise<void> {
  return until(async () => await activeChannels(port) === count, `${count} channels`);
}

/** Files and sockets that a process has open. */
export function openFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Memory that a process has in use, bytes. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Checks that a stream goes through: a consumer that waits, a producer, one token, the end. */
export async function servesOthers(port: number, headers: Record<string, string> = {}) {
  const path = crypto.randomUUID();
  await using consumer = await RawSocket.webSocket(port, `/consume/${path}`, headers);
  await using producer = await RawSocket.webSocket(port, `/produce/${path}`, headers);
  const sent = ['{"type":"token","content":"still there"}', '{"type":"done"}'];
  await producer.send(...sent);
  assert.deepEqual(await consumer.messages(), {
    texts: sent,
    close: { code: 1000, reason: "done" },
  });
}

/**
 * What a relay holds when nobody has connected yet; call the result to check that it has come back to that and still
 * serves others. The relay must not retain ended streams (`--retain 0`).
 */
export function nothingLeaks(
  relay: Pick<RelayProcess, "port" | "pid">,
  headers: Record<string, string> = {},
): () => Promise<void> {
  const files = openFiles(relay.pid);
  return async () => {
    await servesOthers(relay.port, headers);
    await channelsBecome(relay.port, 0);
    await until(
      () => openFiles(relay.pid) <= files,
      () => `the relay to close its files: ${openFiles(relay.pid)}, before ${files}`,
    );
  };
}
