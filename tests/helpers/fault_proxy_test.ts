/** Each fault, on real sockets: a listener as the relay, and clients that connect to it through the proxy. */

import assert from "node:assert/strict";
import {
  type Cut,
  type Direction,
  type FaultConnection,
  type FaultProxy,
  startFaultProxy,
} from "./fault_proxy.ts";
import { RawSocket } from "./raw_socket.ts";
import { until, within } from "./within.ts";

const MiB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const DIRECTIONS: Direction[] = ["up", "down"];
const CUTS: Cut[] = ["reset", "end"];
const other = (direction: Direction) => direction === "up" ? "down" : "up";

/** One end of a connection: what it reads is kept, and how that ended. */
class Peer {
  text = "";
  readonly ended: Promise<Cut>;
  readonly #connection: Deno.TcpConn;
  #closed = false;
  #changed = Promise.withResolvers<void>();

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay();
    this.ended = this.#read();
  }

  async write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Resolves when all that was read is `text`. */
  async hasRead(text: string): Promise<void> {
    while (this.text.length < text.length) {
      await within(this.#changed.promise, `'${text}', not '${this.text}'`);
    }
    assert.equal(this.text, text);
  }

  close(): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }

  async #read(): Promise<Cut> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count; (count = await this.#connection.read(buffer)) !== null;) {
        this.text += new TextDecoder().decode(buffer.subarray(0, count));
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      }
      return "end";
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return "reset";
      if (this.#closed) return "end";
      throw error;
    }
  }
}

/** A client, a relay and the proxy between them. */
interface Wire {
  readonly connection: FaultConnection;
  /** Who sends in a direction, and who receives. */
  readonly from: Record<Direction, Peer>;
  readonly to: Record<Direction, Peer>;
}

class Network implements AsyncDisposable {
  readonly #peers: Peer[] = [];

  private constructor(readonly proxy: FaultProxy, readonly listener: Deno.TcpListener) {}

  static async start(): Promise<Network> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const proxy = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: listener.addr.port },
    });
    return new Network(proxy, listener);
  }

  /** A client whose connection may or may not get to the relay. */
  async client(): Promise<Peer> {
    return this.peer(await Deno.connect({ hostname: "127.0.0.1", port: this.proxy.port }));
  }

  /** A client and its connection at the relay. */
  async wire(listener = this.listener): Promise<Wire> {
    const connected = this.proxy.connected();
    const client = await this.client();
    const relay = this.peer(await within(listener.accept(), "the proxy at the relay"));
    const connection = await connected;
    return {
      connection,
      from: { up: client, down: relay },
      to: { up: relay, down: client },
    };
  }

  /** Connects and reads up to the end; a reset may come before the client knows that it is connected. */
  async end(): Promise<Cut> {
    try {
      return await within((await this.client()).ended, "the end");
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return "reset";
      throw error;
    }
  }

  /** Gives everything that could happen to other connections the time to: a new one has been used both ways. */
  async othersAreServed(): Promise<void> {
    const { from, to } = await this.wire();
    for (const text of ["1", "12", "123"]) {
      for (const direction of DIRECTIONS) {
        await from[direction].write(text.at(-1)!);
        await to[direction].hasRead(text);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.close();
    this.listener.close();
    await this.proxy[Symbol.asyncDispose]();
    await Promise.all(this.#peers.map(({ ended }) => ended));
  }

  /** Closes a connection with the network. */
  peer(connection: Deno.TcpConn): Peer {
    const peer = new Peer(connection);
    this.#peers.push(peer);
    return peer;
  }
}

Deno.test.sanitizer({ ops: true, resources: true });

for (const direction of DIRECTIONS) {
  Deno.test(`bytes and then the end pass ${direction}, and leave the other direction open`, async () => {
    await using network = await Network.start();
    const { connection, from, to } = await network.wire();
    await from[direction].write("hello");
    await from[direction].closeWrite();
    assert.equal(await within(to[direction].ended, "the end"), "end");
    assert.equal(to[direction].text, "hello");
    await to[direction].write("still here");
    await from[direction].hasRead("still here");
    assert.deepEqual(connection.passed, { [direction]: 5, [other(direction)]: 10 });
    assert.equal(connection.isOpen, true);
    await to[direction].closeWrite();
    await within(connection.closed, "both ends");
    assert.equal(connection.isOpen, false);
  });

  Deno.test(`a reset passes ${direction}`, async () => {
    await using network = await Network.start();
    await using far = await startFaultProxy({
      target: { hostname: "127.0.0.1", port: network.proxy.port },
    });
    const near = network.proxy.connected();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: far.port });
    const relay = await within(network.listener.accept(), "the proxy at the relay");
    const watched = direction === "up" ? relay : client;
    if (direction === "up") far.cut();
    else (await near).cut();
    await assert.rejects(
      within(watched.read(new Uint8Array(1)), "the reset"),
      Deno.errors.ConnectionReset,
    );
    await within(Promise.all([...far.connections, await near].map((it) => it.closed)), "the end");
    for (const connection of [client, relay]) connection.close();
  });

  Deno.test(`64 MiB pass ${direction} as they are`, async () => {
    await using network = await Network.start();
    const connected = network.proxy.connected();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: network.proxy.port });
    const relay = await within(network.listener.accept(), "the proxy at the relay");
    const [from, to] = direction === "up" ? [client, relay] : [relay, client];
    const block = crypto.getRandomValues(new Uint8Array(65_521)); // a prime: no buffer's size
    const count = Math.ceil(64 * MiB / block.length);
    const writing = (async () => {
      for (let i = 0; i < count * block.length;) {
        i += await from.write(block.subarray(i % block.length));
      }
      await from.closeWrite();
    })();
    let at = 0;
    const buffer = new Uint8Array(256 * 1024);
    for (let read; (read = await within(to.read(buffer), "bytes")) !== null; at += read) {
      for (let i = 0; i < read; i++) {
        if (buffer[i] !== block[(at + i) % block.length]) assert.fail(`byte ${at + i} is another`);
      }
    }
    await writing;
    assert.equal(at, count * block.length);
    assert.equal((await connected).passed[direction], at);
    for (const connection of [client, relay]) connection.close();
  });

  Deno.test(`who does not read ${direction} stalls who writes, and memory is bounded`, async () => {
    await using network = await Network.start();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: network.proxy.port });
    const relay = await within(network.listener.accept(), "the proxy at the relay");
    const [from, to] = direction === "up" ? [client, relay] : [relay, client];
    const total = 256 * MiB;
    let written = 0;
    const writing = (async () => {
      const block = new Uint8Array(MiB);
      while (written < total) {
        written += await from.write(block.subarray(0, total - written));
      }
    })();
    await stalls(() => written);
    assert.ok(written < 64 * MiB, `${written} bytes were taken, and nobody read one`);
    const buffer = new Uint8Array(MiB);
    for (let read = 0; read < total;) read += await within(to.read(buffer), "the rest") ?? NaN;
    await writing;
    for (const connection of [client, relay]) connection.close();
  });

  for (const how of CUTS) {
    Deno.test(`a cut (${how}) after so many bytes ${direction} comes at that byte`, async () => {
      await using network = await Network.start();
      const { connection, from, to } = await network.wire();
      await from[direction].write("12345");
      await to[direction].hasRead("12345");
      connection.cutAfter(7, direction, { how });
      await from[other(direction)].write("not counted");
      await to[other(direction)].hasRead("not counted");
      await from[direction].write("abcd");
      await to[direction].hasRead("12345abcd");
      await from[direction].write("efghijkl");
      const ends = [to[direction].ended, from[direction].ended];
      assert.deepEqual(await within(Promise.all(ends), "the cut"), [how, how]);
      assert.equal(to[direction].text, "12345abcdefg");
      assert.equal(connection.passed[direction], 12);
    });
  }

  Deno.test(`a cut after so many bytes ${direction} can be taken back`, async () => {
    await using network = await Network.start();
    const { connection, from, to } = await network.wire();
    connection.cutAfter(3, direction);
    connection.cutAfter(Infinity, direction);
    await from[direction].write("hello");
    await to[direction].hasRead("hello");
  });

  Deno.test(`a freeze after so many bytes ${direction} holds both directions there`, async () => {
    await using network = await Network.start();
    const { connection, from, to } = await network.wire();
    connection.freezeAfter(3, direction);
    await from[direction].write("hello");
    await connection.untilPassed(3, direction);
    await from[other(direction)].write("world");
    await network.othersAreServed();
    assert.deepEqual(connection.passed, { [direction]: 3, [other(direction)]: 0 });
    connection.thaw();
    await to[direction].hasRead("hello");
    await to[other(direction)].hasRead("world");
  });
}

/** Resolves when a number that has changed has not done so for half a second. */
async function stalls(value: () => number): Promise<void> {
  let last = 0;
  let unchanged = 0;
  await until(() => {
    unchanged = value() > 0 && value() === last ? unchanged + 1 : 0;
    last = value();
    return unchanged >= 25;
  }, "the writer to stall");
}

for (const how of CUTS) {
  Deno.test(`a cut (${how}) ends both sides at once`, async () => {
    await using network = await Network.start();
    const { connection, from, to } = await network.wire();
    await from.up.write("hello");
    await to.up.hasRead("hello");
    connection.cut(how);
    const ends = [from.up.ended, to.up.ended];
    assert.deepEqual(await within(Promise.all(ends), "the cut"), [how, how]);
    for (const peer of [from.up, to.up]) peer.close();
    await within(connection.closed, "both sides to be gone");
  });

  Deno.test(`a cut (${how}) ends a frozen connection too, and drops what it held`, async () => {
    await using network = await Network.start();
    const { connection, from, to } = await network.wire();
    connection.freeze();
    await from.up.write("held");
    await network.othersAreServed();
    connection.cut(how);
    connection.thaw();
    assert.equal(await within(to.up.ended, "the cut"), how);
    assert.equal(to.up.text, "");
  });
}

Deno.test("a cut (end) is orderly also while bytes are under way, which the proxy then drops", async () => {
  await using network = await Network.start();
  const { connection, from, to } = await network.wire();
  const text = "0123456789".repeat(MiB);
  const writing = Promise.all(DIRECTIONS.map((direction) => from[direction].write(text)));
  connection.freezeAfter(MiB, "up");
  await connection.untilPassed(MiB, "up");
  await network.othersAreServed(); // by then no more is read
  connection.cut("end");
  const ends = [to.up.ended, to.down.ended];
  assert.deepEqual(await within(Promise.all(ends), "the cut"), ["end", "end"]);
  await within(writing, "the proxy to read on");
  assert.ok(to.up.text.length < text.length);
});

Deno.test("a connection whose receiver is gone is cut once there is something to pass to it", async () => {
  await using network = await Network.start();
  const connected = network.proxy.connected();
  await using near = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: network.proxy.port },
  });
  await using client = await RawSocket.connect(near.port);
  const relay = network.peer(await within(network.listener.accept(), "the proxy at the relay"));
  const connection = await connected;
  connection.throttle(1 / 3_600);
  await client.write("ab");
  await relay.hasRead("a");
  near.cut(); // it waits behind the second byte
  await within(near.connections[0].closed, "the cut");
  await relay.write("x");
  assert.equal(await within(relay.ended, "the cut"), "reset");
});

Deno.test("a frozen connection passes neither bytes nor ends, and all of them once it is thawed", async () => {
  await using network = await Network.start();
  const { connection, from, to } = await network.wire();
  connection.freeze();
  await from.up.write("up");
  await from.up.closeWrite();
  await from.down.write("down");
  await network.othersAreServed();
  assert.deepEqual(connection.passed, { up: 0, down: 0 });
  assert.equal(connection.isOpen, true);
  connection.thaw();
  await to.down.hasRead("down");
  assert.equal(await within(to.up.ended, "the end"), "end");
  assert.equal(to.up.text, "up");
});

Deno.test("a peer that resets a frozen connection is not missed by the other before the thaw", async () => {
  await using network = await Network.start();
  const connected = network.proxy.connected();
  await using near = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: network.proxy.port },
  });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: near.port });
  const relay = network.peer(await within(network.listener.accept(), "the proxy at the relay"));
  const frozen = await connected;
  frozen.freeze();
  near.cut();
  await within(near.connections[0].closed, "the reset");
  await network.othersAreServed();
  assert.equal(frozen.isOpen, true);
  let over = false;
  void relay.ended.then(() => over = true);
  await network.othersAreServed();
  assert.equal(over, false);
  frozen.thaw();
  assert.equal(await within(relay.ended, "the reset"), "reset");
  client.close();
});

Deno.test("delayed bytes come later, in order, and at once when the delay is lifted", async () => {
  await using network = await Network.start();
  const { connection, from, to } = await network.wire();
  connection.delay(100);
  const startedAt = performance.now();
  await from.up.write("one ");
  await from.down.write("back");
  await Promise.all([to.up.hasRead("one "), to.down.hasRead("back")]);
  assert.ok(performance.now() - startedAt >= 99); // a clock's tick less
  connection.delay(HOUR_MS);
  await from.up.write("two ");
  await network.othersAreServed();
  assert.equal(connection.passed.up, 4);
  connection.delay(0);
  await to.up.hasRead("one two ");
});

Deno.test("delays do not add up", async () => {
  await using network = await Network.start();
  const { connection, from, to } = await network.wire();
  connection.delay(1_000);
  for (let i = 0; i < 200; i++) {
    await from.up.write("x");
    await new Promise((resolve) => setTimeout(resolve)); // else they come as one
  }
  await to.up.hasRead("x".repeat(200));
});

Deno.test("throttled bytes take their time, and none any more when that is lifted", async () => {
  await using network = await Network.start();
  const { connection, from, to } = await network.wire();
  connection.throttle(20_000);
  const startedAt = performance.now();
  const text = "0123456789".repeat(1_000);
  await from.up.write(text);
  await to.up.hasRead(text);
  assert.ok(performance.now() - startedAt >= 470); // the first piece need not wait, 20 ms
  connection.throttle(1 / 3_600);
  await from.down.write(text);
  await to.down.hasRead("0");
  connection.throttle(Infinity);
  await to.down.hasRead(text);
});

Deno.test("refused connections are reset at once, and those that stand stay", async () => {
  await using network = await Network.start();
  const { from, to } = await network.wire();
  network.proxy.refuse();
  assert.equal(await network.end(), "reset");
  assert.deepEqual([network.proxy.refused, network.proxy.connections.length], [1, 1]);
  await from.up.write("hello");
  await to.up.hasRead("hello");
  network.proxy.allow();
  await network.othersAreServed();
});

Deno.test("a blackhole takes connections, and says nothing until they are cut", async () => {
  await using network = await Network.start();
  network.proxy.blackhole();
  const connected = network.proxy.connected();
  const client = await network.client();
  await client.write("anybody there?");
  const connection = await connected;
  network.proxy.allow();
  await network.othersAreServed(); // by the relay's first connection: it has not seen the other
  assert.deepEqual([client.text, connection.isOpen], ["", true]);
  assert.deepEqual(connection.passed, { up: 0, down: 0 });
  connection.cut();
  assert.equal(await within(client.ended, "the cut"), "reset");
  await within(connection.closed, "the end");
});

Deno.test("a client that leaves a blackhole is gone", async () => {
  await using network = await Network.start();
  network.proxy.blackhole();
  const connected = network.proxy.connected();
  const client = await network.client();
  await client.write("anybody there?");
  client.close();
  await within((await connected).closed, "the end");
});

Deno.test("where no relay listens, clients are reset", async () => {
  await using network = await Network.start();
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  network.proxy.retarget(gone.addr.port);
  gone.close();
  assert.equal(await network.end(), "reset");
  await within(network.proxy.connections[0].closed, "the end");
});

Deno.test("later connections go to another relay, those that stand stay", async () => {
  await using network = await Network.start();
  const before = await network.wire();
  using second = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  network.proxy.retarget(second.addr.port);
  const after = await network.wire(second);
  await before.from.up.write("first");
  await after.from.up.write("second");
  await before.to.up.hasRead("first");
  await after.to.up.hasRead("second");
});

Deno.test("a fault of the proxy is that of all connections, present and to come", async () => {
  await using network = await Network.start();
  const { proxy } = network;
  const first = await network.wire();
  proxy.freeze();
  const second = await network.wire();
  for (const { from } of [first, second]) await from.up.write("hello");
  assert.deepEqual(proxy.passed, { up: 0, down: 0 });
  proxy.delay(HOUR_MS);
  proxy.thaw();
  proxy.cutAfter(4, "up", { how: "end" });
  const third = await network.wire();
  await third.from.up.write("hello");
  assert.deepEqual(proxy.passed, { up: 0, down: 0 });
  proxy.delay(0);
  for (const { to } of [first, second, third]) {
    assert.equal(await within(to.up.ended, "the cut"), "end");
    assert.equal(to.up.text, "hell");
  }
  assert.deepEqual(proxy.passed, { up: 12, down: 0 });
});

Deno.test("a cut of the proxy is that of the connections of now", async () => {
  await using network = await Network.start();
  const wires = [await network.wire(), await network.wire()];
  network.proxy.cut();
  const ends = wires.flatMap(({ from }) => DIRECTIONS.map((direction) => from[direction].ended));
  assert.deepEqual(await within(Promise.all(ends), "the cut"), Array(4).fill("reset"));
  await network.othersAreServed();
  assert.deepEqual(network.proxy.connections.map(({ isOpen }) => isOpen), [false, false, true]);
});

Deno.test("a connection is told of before its first byte passes, so that it can be cut there", async () => {
  await using network = await Network.start();
  const connected = network.proxy.connected();
  const cutting = (async () => (await connected).cutAfter(1, "up", { how: "end" }))();
  const client = await network.client();
  await client.write("hello");
  await cutting;
  const relay = new Peer(await within(network.listener.accept(), "the proxy at the relay"));
  assert.equal(await within(relay.ended, "the cut"), "end");
  assert.equal(relay.text, "h");
  relay.close();
});

Deno.test("waiting for bytes ends with the connection", async () => {
  await using network = await Network.start();
  const { connection } = await network.wire();
  const waiting = connection.untilPassed(1, "up");
  connection.cut();
  await assert.rejects(waiting, /the connection ended/);
});

Deno.test("a proxy that ends takes what is open with it, and whoever waits for a connection is told", async () => {
  const network = await Network.start();
  const frozen = await network.wire();
  frozen.connection.freeze();
  await frozen.from.up.write("held");
  network.proxy.blackhole();
  const silent = await network.client();
  const waiting = network.proxy.connected();
  await network.proxy[Symbol.asyncDispose]();
  await assert.rejects(waiting, /the proxy has ended/);
  await within(Promise.all([frozen.to.up.ended, silent.ended]), "the end");
  assert.deepEqual(network.proxy.connections.map(({ isOpen }) => isOpen), [false, false]);
  await network[Symbol.asyncDispose]();
});

Deno.test("the URL leads to the proxy", async () => {
  await using network = await Network.start();
  const { hostname, port, protocol } = new URL(network.proxy.url);
  assert.deepEqual([protocol, hostname], ["ws:", "127.0.0.1"]);
  await using _client = await RawSocket.connect(Number(port));
  await within(network.listener.accept(), "the proxy at the relay").then((it) => it.close());
});
