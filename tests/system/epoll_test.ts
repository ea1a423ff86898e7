import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Epoll, type SocketOwner, type Watched } from "../../src/system/epoll.ts";
import { within } from "../helpers/within.ts";

/** What happened to a socket, with promises of what is to come. */
class Recorder implements SocketOwner {
  readonly events: string[] = [];
  readonly read = (count: number) => {
    this.bytes.push(this.epoll.read(count).slice());
    this.events.push("read");
    this.onRead(count);
  };
  readonly bytes: Uint8Array[] = [];
  readonly over = Promise.withResolvers<void>();
  readonly end = Promise.withResolvers<void>();
  onRead: (count: number) => void = () => {};
  onWritable: () => void = () => {};

  constructor(readonly epoll: Epoll) {}

  get text(): string {
    return Buffer.concat(this.bytes).toString();
  }

  writable(): void {
    this.onWritable();
  }

  ended(): void {
    this.events.push("ended");
    this.end.resolve();
  }

  gone(): void {
    this.events.push("gone");
    this.over.resolve();
  }
}

/** An epoll that serves, and connections to a server: our end, and the other one. */
async function connections() {
  const epoll = Epoll.open();
  assert.ok(epoll !== undefined);
  epoll.serve();
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const others: Socket[] = [];
  /** The other end of the next connection. */
  const accepted = async () => {
    const [other] = await once(server, "connection") as [Socket];
    other.on("error", () => {});
    others.push(other);
    return other;
  };
  const connect = async () => {
    const other = accepted();
    const owner = new Recorder(epoll);
    const socket = epoll.connect((server.address() as AddressInfo).port, owner);
    assert.ok(socket !== undefined);
    return { owner, socket, other: await within(other, "the connection") };
  };
  const dispose = async () => {
    await epoll[Symbol.asyncDispose]();
    for (const other of others) other.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { epoll, accepted, connect, [Symbol.asyncDispose]: dispose };
}

/** Sends all of `bytes`, as there is room. */
function sendAll(epoll: Epoll, socket: Watched, owner: Recorder, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let at = 0;
  const go = () => {
    at += epoll.send(socket, bytes.subarray(at));
    const left = at < bytes.length;
    epoll.watch(socket, { reads: true, writes: left });
    if (!left) resolve();
  };
  owner.onWritable = go;
  go();
  return promise;
}

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const options = { ignore: Deno.build.os !== "linux" };

Deno.test("what is sent arrives both ways, however much it is", options, async () => {
  await using all = await connections();
  const { epoll } = all;
  const { owner, socket, other } = await all.connect();
  const [there, back] = [randomBytes(20_000_000), randomBytes(5_000_000)];
  const arrived: Buffer[] = [];
  other.on("data", (chunk: Buffer) => arrived.push(chunk));
  const ended = once(other, "end");
  other.end(back);
  await within(sendAll(epoll, socket, owner, there), "sending");
  epoll.shutdown(socket);
  await within(Promise.all([ended, owner.over.promise]), "both ends");
  assert.equal(hashOf(Buffer.concat(arrived)), hashOf(there));
  assert.equal(hashOf(Buffer.concat(owner.bytes)), hashOf(back));
  assert.deepEqual(owner.events.filter((event) => event !== "read"), ["ended", "gone"]);
  assert.equal(epoll.size, 0);
});

Deno.test("an end is told once, and the other direction lives on", options, async () => {
  await using all = await connections();
  const { epoll } = all;
  const { owner, socket, other } = await all.connect();
  other.end("bye");
  await within(owner.end.promise, "the end");
  const heard = once(other, "data");
  epoll.send(socket, new TextEncoder().encode("still here"));
  assert.equal(String((await within(heard, "what was said after it"))[0]), "still here");
  assert.deepEqual([owner.text, owner.events], ["bye", ["read", "ended"]]);
});

Deno.test("a reset is told", options, async () => {
  await using all = await connections();
  const { owner, other } = await all.connect();
  other.resetAndDestroy();
  await within(owner.over.promise, "the reset");
  assert.deepEqual(owner.events, ["gone"]);
});

Deno.test(
  "while nothing is to be read nothing is, and then all of it, before the reset behind it",
  options,
  async () => {
    await using all = await connections();
    const { epoll } = all;
    const paused = await all.connect();
    const witness = await all.connect();
    epoll.watch(paused.socket, { reads: false, writes: false });
    await new Promise<void>((resolve) => paused.other.write("early", () => resolve()));
    paused.other.resetAndDestroy();
    // once another connection was reset after it, and that was told, this one has been looked at
    witness.other.resetAndDestroy();
    await within(witness.owner.over.promise, "the other reset");
    assert.deepEqual(paused.owner.events, []);
    epoll.watch(paused.socket, { reads: true, writes: false });
    await within(paused.owner.over.promise, "the reset");
    assert.deepEqual([paused.owner.text, paused.owner.events.at(-1)], ["early", "gone"]);
  },
);

Deno.test(
  "a number that is given to another socket brings it nothing of the one before",
  options,
  async () => {
    await using all = await connections();
    const { epoll } = all;
    const pair = [await all.connect(), await all.connect()];
    const { promise, resolve } = Promise.withResolvers<Recorder>();
    // whichever is told first closes the other one and has its number taken
    pair.forEach(({ owner }, i) => {
      owner.onRead = () => {
        const { socket, other } = pair[1 - i];
        epoll.close(socket);
        const newcomer = new Recorder(epoll);
        assert.equal(epoll.connect(other.localPort!, newcomer)?.fd, socket.fd);
        resolve(newcomer);
      };
    });
    // that both have something to be read is told in one go
    for (const { socket } of pair) epoll.watch(socket, { reads: false, writes: false });
    await Promise.all(pair.map(({ other }) => {
      return new Promise<void>((resolve) => other.write("x", () => resolve()));
    }));
    const accepted = all.accepted();
    for (const { socket } of pair) epoll.watch(socket, { reads: true, writes: false });
    const newcomer = await within(promise, "a turn");
    (await within(accepted, "the newcomer")).end();
    await within(newcomer.end.promise, "what is its own");
    assert.deepEqual(newcomer.events, ["ended"]);
  },
);

Deno.test("closing it ends a wait, and nothing more is told", options, async () => {
  const all = await connections();
  const { owner, other } = await all.connect();
  const closed = once(other, "close");
  other.on("end", () => other.end());
  other.resume();
  await within(all.epoll[Symbol.asyncDispose](), "its end");
  await within(closed, "the end of the connection");
  assert.deepEqual(owner.events, []);
  await all[Symbol.asyncDispose]();
});
