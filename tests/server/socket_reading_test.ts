import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { readSocket, readsShared } from "../../src/relay/server/socket_reading.ts";
import { within } from "../helpers/within.ts";

/** A connection over the loopback: the client's end, and the end that was accepted. */
async function connected() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = await within(accepted as Promise<[Socket]>, "the connection");
  client.on("error", () => {});
  const dispose = async () => {
    client.destroy();
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { client, socket, [Symbol.asyncDispose]: dispose };
}

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

Deno.test("an accepted socket is read into memory that is there already", async () => {
  await using a = await connected();
  await using b = await connected();
  // where this fails the runtime has changed, and each message costs a tenth more: docs/performance.md
  assert.ok(readsShared(a.socket));
  const buffers = new Set<ArrayBufferLike>();
  const texts: string[] = [];
  const { promise: both, resolve } = Promise.withResolvers<void>();
  for (const { socket } of [a, b]) {
    readSocket(socket, (bytes) => {
      buffers.add(bytes.buffer);
      if (texts.push(new TextDecoder().decode(bytes)) === 2) resolve();
    });
  }
  a.client.write("to a");
  b.client.write("to b");
  await within(both, "what was sent");
  assert.deepEqual(texts.sort(), ["to a", "to b"]);
  assert.equal(buffers.size, 1);
});

Deno.test("with TLS the runtime's own memory is read into", () => {
  const socket = new TLSSocket(new Socket());
  assert.equal(readsShared(socket), false);
  socket.destroy();
});

Deno.test("all that was sent is read, however often the reading pauses, and then the end is told", async () => {
  await using pair = await connected();
  const { client, socket } = pair;
  const sent = randomBytes(3_000_000);
  const read: Uint8Array[] = [];
  let pauses = 0;
  let whilePaused = 0;
  readSocket(socket, (bytes) => {
    if (socket.isPaused()) whilePaused++;
    read.push(bytes.slice());
    bytes.fill(0); // it is ours to write over
    socket.pause();
    pauses++;
    setImmediate(() => socket.resume());
  });
  const ended = once(socket, "end");
  client.end(sent);
  await within(ended, "the end");
  const all = Buffer.concat(read);
  assert.deepEqual([all.length, hashOf(all)], [sent.length, hashOf(sent)]);
  assert.ok(pauses > 10, `${pauses} pauses`);
  assert.equal(whilePaused, 0);
});

Deno.test("a socket that is paused is not read before it is resumed", async () => {
  await using pair = await connected();
  const { client, socket } = pair;
  socket.pause();
  const { promise: read, resolve } = Promise.withResolvers<string>();
  let resumed = false;
  readSocket(socket, (bytes) => resolve(`${resumed} ${new TextDecoder().decode(bytes)}`));
  await new Promise<void>((resolve) => client.write("early", () => resolve()));
  await new Promise((resolve) => setImmediate(resolve)); // a turn in which it would have been read
  resumed = true;
  socket.resume();
  assert.equal(await within(read, "what was sent"), "true early");
});

Deno.test("a connection that breaks is told", async () => {
  await using pair = await connected();
  const { client, socket } = pair;
  socket.on("error", () => {});
  readSocket(socket, () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  client.resetAndDestroy();
  await within(closed, "the close");
  assert.ok(socket.destroyed);
});
