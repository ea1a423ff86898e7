/**
 * What 5,000 readers that wait cost a relay in memory, by how they read: `deno run -A tests/bench/idle_readers.ts`. Each kind
 * has a relay of its own, which has served a hundred before, so that what is loaded once is not counted.
 *
 * @module
 */

import { RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { residentBytes } from "../helpers/relay_state.ts";

const READERS = 5_000;
const WARM_UP = 100;
/** Connections that are made at a time: fewer than a listener's backlog. */
const AT_A_TIME = 100;
/** What the relay has for its garbage collector, and for pages it gives back, ms. */
const SETTLE_MS = 5_000;
const PATH = "/consume/idle";

/** Connects, and resolves when the beginning of the stream has been read. */
type Open = (port: number) => Promise<RawSocket>;

const get = (format: string): Open => async (port) => {
  const socket = await RawSocket.connect(port);
  await socket.write(request(`GET ${PATH}?format=${format}`, { Host: "relay.test" }));
  await socket.response();
  return socket;
};

const KINDS: Record<string, Open> = {
  text: get("text"),
  ndjson: get("ndjson"),
  sse: get("sse"),
  "WebSocket, version 1": (port) => RawSocket.webSocket(port, PATH),
  "WebSocket, version 2": async (port) => {
    const protocol = { "Sec-WebSocket-Protocol": "streamrelay.v2" };
    const socket = await RawSocket.webSocket(port, PATH, protocol);
    await socket.send('{"type":"hello","role":"consume"}');
    await socket.message();
    return socket;
  },
};

for (const [kind, open] of Object.entries(KINDS)) {
  const limit = String(READERS + WARM_UP);
  await using relay = await startRelayProcess(["--max-consumers", limit]);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/idle");
  await producer.send('{"type":"token","content":"hello"}');
  const sockets = await openAll(relay.port, open, WARM_UP);
  await settle();
  const before = residentBytes(relay.pid);
  sockets.push(...await openAll(relay.port, open, READERS));
  await settle();
  const each = (residentBytes(relay.pid) - before) / READERS;
  console.log(`${kind}: ${(each / 1_000).toFixed(1)} kB`);
  for (const socket of sockets) socket.close();
}

async function openAll(port: number, open: Open, count: number): Promise<RawSocket[]> {
  const sockets: RawSocket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - sockets.length) });
    sockets.push(...await Promise.all(some.map(() => open(port))));
  }
  return sockets;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
