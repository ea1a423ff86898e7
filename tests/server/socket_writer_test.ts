import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { SocketWriter } from "../../src/relay/server/socket_writer.ts";

const KiB = 1024;
const PIECE = 256 * KiB;

/** A writer to a socket that takes pieces at once while it is `open`, else one with each `take`. */
function writing({ open = true } = {}) {
  const clock = { now: 5 };
  const seen = { sizes: [] as number[], taken: 0, emptied: 0 };
  let waiting: (() => void)[] = [];
  const socket = new Writable({
    highWaterMark: 1,
    write(chunk: Uint8Array, _encoding, done) {
      seen.sizes.push(chunk.length);
      if (open) done();
      else waiting.push(done);
    },
  });
  const writer = new SocketWriter(socket, {
    clock,
    taken: () => seen.taken++,
    emptied: () => seen.emptied++,
  });
  const take = async () => {
    const [done, ...rest] = waiting;
    waiting = rest;
    done();
    await new Promise((resolve) => setImmediate(resolve)); // the stream tells its writers in a later turn
  };
  return { writer, clock, seen, take };
}

Deno.test("a socket that was reset while it was written to has taken nothing more, and nobody is told that it had", async () => {
  const clock = { now: 5 };
  let emptied = 0;
  let done: (error: Error) => void = () => {};
  const socket = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, call) => done = call,
  });
  socket.on("error", () => {});
  const writer = new SocketWriter(socket, { clock, emptied: () => emptied++ });
  assert.equal(writer.write(new Uint8Array(10)), false);
  assert.equal(writer.write(new Uint8Array(10)), false);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  done(new Error("reset"));
  await closed;
  assert.equal(emptied, 0);
});

Deno.test("what the socket takes at once is written at once, and nobody is told", () => {
  const { writer, seen } = writing();
  assert.equal(writer.write(new Uint8Array(10)), true);
  assert.equal(writer.write(new Uint8Array(20)), true);
  assert.deepEqual(seen, { sizes: [10, 20], taken: 0, emptied: 0 });
  assert.deepEqual([writer.blockedAt, writer.queued], [0, false]);
});

Deno.test("a socket that takes nothing blocks from then on, until it has taken everything", async () => {
  const { writer, clock, seen, take } = writing({ open: false });
  assert.equal(writer.write(new Uint8Array(10)), false);
  clock.now = 7;
  assert.equal(writer.write(new Uint8Array(20)), false);
  assert.deepEqual([writer.blockedAt, writer.queued], [5, true]);
  await take();
  assert.deepEqual([writer.blockedAt, writer.queued], [7, false]);
  assert.deepEqual(seen, { sizes: [10, 20], taken: 1, emptied: 0 });
  await take();
  assert.deepEqual([writer.blockedAt, seen.taken, seen.emptied], [0, 2, 1]);
});

Deno.test("much is written in pieces, so that each shows when it is taken", async () => {
  const { writer, seen, take } = writing({ open: false });
  assert.equal(writer.write(new Uint8Array(2 * PIECE + 1)), false);
  for (let taken = 1; taken <= 3; taken++) {
    await take();
    assert.equal(seen.taken, taken);
  }
  assert.deepEqual(seen, { sizes: [PIECE, PIECE, 1], taken: 3, emptied: 1 });
});

Deno.test("dropped, it writes nothing that waits and calls nobody", async () => {
  const { writer, seen, take } = writing({ open: false });
  writer.write(new Uint8Array(10));
  writer.write(new Uint8Array(20));
  writer.drop();
  assert.deepEqual([writer.blockedAt, writer.queued], [0, false]);
  await take();
  assert.deepEqual(seen, { sizes: [10], taken: 0, emptied: 0 });
});
