/**
 * A TCP proxy between clients and a relay that does to their connections what networks do.
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { within } from "./within.ts";

/** `up` is what clients send to the relay, `down` what the relay sends to them. */
export type Direction = "up" | "down";

/** How a connection is cut: `reset` is what a crash or a firewall does (RST), `end` what an orderly exit does (FIN). */
export type Cut = "reset" | "end";

/** What can be done to a connection; all of it works at once, on bytes too that were read already. */
export interface Faults {
  /** Passes everything on, ends too, `ms` after it came. Up to 1 MiB each way is under way at a time. */
  delay(ms: number): void;
  /** Passes at most so many bytes a second each way; `Infinity` ends that. */
  throttle(bytesPerSecond: number): void;
  /** Pulls the cable: nothing passes any more, neither bytes nor ends nor resets, and no connection ends. */
  freeze(): void;
  /** Puts the cable back: what was held up passes now. */
  thaw(): void;
  /** Ends both sides (default `reset`); what was not passed on by now is dropped. */
  cut(how?: Cut): void;
  /**
   * Takes the client away while the relay goes on believing in it: the client's side is reset, the relay's stays open and
   * silent.
   */
  orphan(): void;
  /**
   * Cuts both sides after exactly `bytes` more have been passed in one direction; `Infinity` disarms, as does another
   * limit of that direction. Where a peer has no room for more, the 64 KiB that are being written to it may exceed the
   * limit, and a reset may overtake bytes.
   */
  cutAfter(bytes: number, direction: Direction, options?: { how?: Cut }): void;
  /** Freezes both directions after exactly `bytes` more have been passed in one. */
  freezeAfter(bytes: number, direction: Direction): void;
}

/** One client's connection, and the one to the relay that belongs to it. */
export interface FaultConnection extends Faults {
  /** Bytes that the receiver's system has taken. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Whether one of its sides is still open. */
  readonly isOpen: boolean;
  /** Resolves when both sides are over, whoever ended them; after an `end` the peers have to end theirs. */
  readonly closed: Promise<void>;
  /** Resolves when so many bytes have been passed in all; rejects after 20 s, or when the connection ends before. */
  untilPassed(bytes: number, direction: Direction): Promise<void>;
}

/** A proxy that runs. Its faults are those of all connections: all to come too, but for `cut` and `orphan`. */
export interface FaultProxy extends Faults, AsyncDisposable {
  /** Where clients connect, e.g. `ws://127.0.0.1:41234`. */
  readonly url: string;
  readonly port: number;
  /** Every connection that was not refused, oldest first, those that are over too. */
  readonly connections: readonly FaultConnection[];
  /** Number of connections that were refused. */
  readonly refused: number;
  /** Bytes passed by all connections. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Resolves to the next connection, before a byte of it has passed; rejects after 20 s. */
  connected(): Promise<FaultConnection>;
  /** Resets new connections at once. */
  refuse(): void;
  /** Takes new connections and says nothing, ever; the relay hears nothing of them. */
  blackhole(): void;
  /** Passes new connections on, as from the start. */
  allow(): void;
  /** New connections go to another relay, on the same host. */
  retarget(port: number): void;
}

/** Where a proxy passes its connections on to. */
export interface FaultProxyOptions {
  target: { hostname: string; port: number };
}

/** Bytes read and not yet passed, each way, at which a side is read no more. */
const QUEUE_BYTES = 1024 * 1024;
/** Pieces in which a throttled connection passes what one second allows. */
const PIECES_PER_SECOND = 50;

/** Starts a proxy on a free port of this machine; leaving its `await using` block ends what is still open. */
export async function startFaultProxy({ target }: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new TcpProxy(target);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements FaultProxy {
  readonly connections: Connection[] = [];
  refused = 0;
  readonly #server: Server;
  #target: { hostname: string; port: number };
  #admission: "allow" | "refuse" | "blackhole" = "allow";
  /** By their name, the latest of each kind of fault: what new connections begin with. */
  readonly #standing = new Map<string, (connection: Connection) => void>();
  #next = silent<FaultConnection>();

  constructor(target: { hostname: string; port: number }) {
    this.#target = target;
    const options = { allowHalfOpen: true, noDelay: true };
    this.#server = createServer(options, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get passed(): Record<Direction, number> {
    const sum = (way: Direction) => this.connections.reduce((n, { passed }) => n + passed[way], 0);
    return { up: sum("up"), down: sum("down") };
  }

  connected(): Promise<FaultConnection> {
    return quiet(within(this.#next.promise, "a connection through the proxy"));
  }

  refuse(): void {
    this.#admission = "refuse";
  }

  blackhole(): void {
    this.#admission = "blackhole";
  }

  allow(): void {
    this.#admission = "allow";
  }

  retarget(port: number): void {
    this.#target = { ...this.#target, port };
  }

  delay(ms: number): void {
    this.#stand("delay", (connection) => connection.delay(ms));
  }

  throttle(bytesPerSecond: number): void {
    this.#stand("throttle", (connection) => connection.throttle(bytesPerSecond));
  }

  freeze(): void {
    this.#stand("freeze", (connection) => connection.freeze());
  }

  thaw(): void {
    this.#stand("freeze", (connection) => connection.thaw());
  }

  cut(how?: Cut): void {
    for (const connection of this.connections) connection.cut(how);
  }

  orphan(): void {
    for (const connection of this.connections) connection.orphan();
  }

  cutAfter(bytes: number, direction: Direction, options?: { how?: Cut }): void {
    this.#stand(direction, (connection) => connection.cutAfter(bytes, direction, options));
  }

  freezeAfter(bytes: number, direction: Direction): void {
    this.#stand(direction, (connection) => connection.freezeAfter(bytes, direction));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.connections) connection.destroy();
    await Promise.all(this.connections.map(({ closed }) => closed));
    await stopped;
    this.#next.reject(new Error("Cannot wait for a connection: the proxy has ended"));
  }

  #stand(name: string, apply: (connection: Connection) => void): void {
    this.#standing.set(name, apply);
    for (const connection of this.connections) apply(connection);
  }

  #accept(client: Socket): void {
    if (this.#admission === "refuse") {
      this.refused++;
      client.on("error", () => {}); // it has left already
      client.resetAndDestroy();
      return;
    }
    const { hostname: host, port } = this.#target;
    const relay = this.#admission === "blackhole"
      ? undefined
      : connect({ host, port, allowHalfOpen: true, noDelay: true });
    const connection = new Connection(client, relay);
    this.connections.push(connection);
    for (const apply of this.#standing.values()) apply(connection);
    this.#next.resolve(connection);
    this.#next = silent();
  }
}

class Connection implements FaultConnection {
  isOpen = true;
  readonly closed: Promise<void>;
  readonly #sockets: Socket[];
  /** None where there is no relay to pass anything to. */
  readonly #lanes: Partial<Record<Direction, Lane>> = {};

  constructor(client: Socket, relay: Socket | undefined) {
    this.#sockets = relay === undefined ? [client] : [client, relay];
    this.closed = this.#closed();
    if (relay === undefined) {
      client.on("error", () => {}); // `close` follows
      client.on("end", () => client.end());
      client.resume();
    } else {
      const cut = () => this.cut();
      this.#lanes = { up: new Lane(client, relay, cut), down: new Lane(relay, client, cut) };
    }
  }

  get passed(): Record<Direction, number> {
    return { up: this.#lanes.up?.passed ?? 0, down: this.#lanes.down?.passed ?? 0 };
  }

  untilPassed(bytes: number, direction: Direction): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => this.passed[direction] >= bytes && resolve();
    this.#lanes[direction]?.watchers.push(check);
    check();
    const { closed } = this;
    void closed.then(() => reject(new Error(`Cannot pass ${bytes} bytes: the connection ended`)));
    return quiet(within(promise, `${bytes} bytes to pass ${direction}`));
  }

  delay(ms: number): void {
    this.#tune((lane) => lane.delayMs = ms);
  }

  throttle(bytesPerSecond: number): void {
    this.#tune((lane) => lane.throttle(bytesPerSecond));
  }

  freeze(): void {
    this.#tune((lane) => lane.frozen = true);
  }

  thaw(): void {
    this.#tune((lane) => lane.frozen = false);
  }

  cut(how: Cut = "reset"): void {
    for (const lane of Object.values(this.#lanes)) lane.stop();
    for (const socket of this.#sockets.filter(({ destroyed }) => !destroyed)) {
      if (how === "reset") reset(socket);
      // a socket that is closed with bytes unread sends a reset: what still comes is read and dropped
      else socket.resume().end();
    }
  }

  orphan(): void {
    const [client, relay] = this.#sockets;
    if (client.destroyed) return;
    for (const lane of Object.values(this.#lanes)) lane.stop();
    reset(client);
    relay?.resume(); // read and dropped
    relay?.once("end", () => relay.end());
  }

  cutAfter(bytes: number, direction: Direction, { how }: { how?: Cut } = {}): void {
    this.#lanes[direction]?.limit(bytes, () => this.cut(how));
  }

  freezeAfter(bytes: number, direction: Direction): void {
    this.#lanes[direction]?.limit(bytes, () => this.freeze());
  }

  /** Ends it also while it is being made. */
  destroy(): void {
    for (const lane of Object.values(this.#lanes)) lane.stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  #tune(change: (lane: Lane) => void): void {
    for (const lane of Object.values(this.#lanes)) {
      change(lane);
      lane.advance();
    }
  }

  async #closed(): Promise<void> {
    await Promise.all(
      this.#sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    this.isOpen = false;
  }
}

/** One direction: what was read from one socket and waits to be written to the other, the end and a reset included. */
class Lane {
  passed = 0;
  delayMs = 0;
  frozen = false;
  /** Called when bytes have been passed. */
  readonly watchers: (() => void)[] = [];
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #cut: () => void;
  #queue: { item: Uint8Array | "end" | "reset"; readAt: number }[] = [];
  #queuedBytes = 0;
  #bytesPerSecond = Infinity;
  /** When the throttle lets the next piece pass, ms. */
  #freeAt = 0;
  #limit = Infinity;
  #atLimit = () => {};
  #writing = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: Socket, sink: Socket, cut: () => void) {
    this.#source = source;
    this.#sink = sink;
    this.#cut = cut;
    source.on("data", (bytes: Uint8Array) => this.#enqueue(bytes));
    source.on("end", () => this.#enqueue("end"));
    source.on("error", () => this.#enqueue("reset"));
  }

  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
    this.#freeAt = 0;
  }

  /** Calls `atLimit` once, after so many more bytes. */
  limit(bytes: number, atLimit: () => void): void {
    this.#limit = bytes;
    this.#atLimit = atLimit;
    this.#checkLimit();
  }

  /** Passes nothing any more, and forgets what waits. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    clearTimeout(this.#timer);
  }

  /** Passes what may pass now; to be called whenever that has changed. */
  advance(): void {
    clearTimeout(this.#timer);
    const next = this.#queue[0];
    if (this.#writing || this.frozen || next === undefined) return;
    const waitMs = Math.max(next.readAt + this.delayMs, this.#freeAt) - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.advance(), waitMs);
      return;
    }
    this.#queue.shift();
    if (next.item === "reset") this.#cut();
    else if (next.item === "end") this.#sink.end();
    else this.#write(next.item, next.readAt);
  }

  #enqueue(item: Uint8Array | "end" | "reset"): void {
    if (this.#stopped) return;
    this.#queue.push({ item, readAt: performance.now() });
    if (typeof item !== "string") this.#queuedBytes += item.length;
    if (this.#queuedBytes >= QUEUE_BYTES) this.#source.pause();
    this.advance();
  }

  /** Writes as much of `bytes` as may go in one piece; the rest is the next again. */
  #write(bytes: Uint8Array, readAt: number): void {
    const allowed = Math.max(1, Math.floor(this.#bytesPerSecond / PIECES_PER_SECOND));
    const piece = bytes.subarray(0, Math.min(allowed, this.#limit));
    const rest = bytes.subarray(piece.length);
    if (rest.length > 0) this.#queue.unshift({ item: rest, readAt });
    this.#writing = true;
    this.#sink.write(piece, (error) => {
      this.#writing = false;
      if (!error) this.passed += piece.length;
      if (this.#stopped) return;
      if (error) return this.#cut();
      this.#wrote(piece.length);
      this.advance();
    });
  }

  #wrote(count: number): void {
    this.#queuedBytes -= count;
    if (this.#queuedBytes < QUEUE_BYTES / 2) this.#source.resume();
    this.#freeAt = performance.now() + count / this.#bytesPerSecond * 1000;
    for (const watcher of this.watchers) watcher();
    this.#limit -= count;
    this.#checkLimit();
  }

  #checkLimit(): void {
    if (this.#limit > 0) return;
    this.#limit = Infinity;
    this.#atLimit();
  }
}

/** Deno would end a socket that is still connecting in an orderly way, so it is waited for. */
function reset(socket: Socket): void {
  if (socket.connecting) socket.once("connect", () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/** A promise that is to be settled from outside, and that nobody need wait for. */
function silent<T>(): PromiseWithResolvers<T> {
  const whole = Promise.withResolvers<T>();
  quiet(whole.promise);
  return whole;
}

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
