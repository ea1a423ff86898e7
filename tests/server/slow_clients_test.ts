/** Clients that open a connection and then take their time, one by one and by the thousand. */

import assert from "node:assert/strict";
import { clientFrame } from "../helpers/client_frames.ts";
import { HANDSHAKE, RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { nothingLeaks, openFiles, residentBytes, servesOthers } from "../helpers/relay_state.ts";
import { spawnProcess } from "../helpers/cli.ts";
import { until } from "../helpers/within.ts";

const MiB = 1024 * 1024;
const SECRET = "s3cret";
const KEY = { Authorization: `Bearer ${SECRET}` };
const CROWD = 10_000;

/** Dribbles a text, a byte each quarter of a second, until the peer ends the connection. */
function dribble(socket: RawSocket, text: string): () => void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text[at++ % text.length]).catch(() => clearInterval(timer));
  }, 250);
  return () => clearInterval(timer);
}

Deno.test("a client that dribbles its handshake is cut, as is one that says nothing", async () => {
  await using relay = await startRelayProcess(["--retain", "0"]);
  const checkLeaks = nothingLeaks(relay);
  await using silent = await RawSocket.connect(relay.port);
  await using begun = await RawSocket.connect(relay.port);
  await using dribbling = await RawSocket.connect(relay.port);
  await using posting = await RawSocket.connect(relay.port);
  await begun.write(request("GET /consume/job-7", HANDSHAKE).slice(0, -2));
  await dribbling.write("GET /consume/job-7 HTTP/1.1\r\n");
  const stopDribble = dribble(dribbling, "X-Slow: 1\r\n");
  await posting.write(request("POST /nope", { Host: "localhost", "Content-Length": "100" }, "{"));
  try {
    await servesOthers(relay.port);
    const statuses = await Promise.all([begun, dribbling].map(async (socket) => {
      return (await socket.response()).status;
    }));
    assert.deepEqual(statuses, [408, 408]);
    // whatever they are told, all of them are gone, and so are their sockets
    await Promise.all([silent, begun, dribbling, posting].map(readToEnd));
  } finally {
    stopDribble();
  }
  for (const socket of [silent, begun, dribbling, posting]) socket.close();
  await checkLeaks();
});

async function readToEnd(socket: RawSocket): Promise<void> {
  while (!await socket.ended()) await socket.response();
}

Deno.test("10,000 clients without a secret cost little memory and nobody else's stream", async () => {
  await using relay = await startRelayProcess(["--retain", "0"], { RELAY_SECRET: SECRET });
  const checkLeaks = nothingLeaks(relay, KEY);
  const files = openFiles(relay.pid);
  const before = residentBytes(relay.pid);
  await using consumer = await RawSocket.webSocket(relay.port, "/consume/job-7", KEY);
  await using producer = await RawSocket.webSocket(relay.port, "/produce/job-7", KEY);
  let count = 0;
  const streamToken = async () => {
    const token = `{"type":"token","content":"${count++}"}`;
    await producer.send(token);
    assert.equal(await consumer.message(), token);
  };

  const script = new URL("crowd.ts", import.meta.url).href;
  const args = ["run", "--quiet", "-A", script, String(relay.port), String(CROWD)];
  await using crowd = spawnProcess(Deno.execPath(), args);
  let here = false;
  const arrival = crowd.waitForStdout(/all here/).then(() => here = true);
  while (!here) {
    await streamToken();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await arrival;
  assert.ok(openFiles(relay.pid) > files + 0.9 * CROWD, "the crowd was not there all at once");
  await streamToken();
  const grown = residentBytes(relay.pid) - before;
  assert.ok(grown < 200 * MiB, `grown by ${grown / MiB} MiB`);

  const [told] = await crowd.waitForStdout(/^{.*}$/m);
  assert.deepEqual(JSON.parse(told), { 4003: 0.6 * CROWD, 408: 0.4 * CROWD });
  await streamToken();
  await producer.write(clientFrame('{"type":"done"}'));
  assert.deepEqual((await consumer.messages()).texts, ['{"type":"done"}']);
  for (const socket of [producer, consumer]) socket.close();
  assert.equal((await crowd.finished).code, 0);
  await until(() => openFiles(relay.pid) <= files, "the crowd to be gone");
  await checkLeaks();
});
