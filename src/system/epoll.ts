/**
 * Sockets of the kernel without the runtime in between, where that can be had: Linux, by its C library.
 *
 * @module
 */

import { Views } from "../protocol/views.ts";
import { type Libc, libc } from "./libc.ts";

// of Linux, the same on x86-64 and AArch64
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SHUT_WR = 1;
const MSG_NOSIGNAL = 0x4000;
const EFD_CLOEXEC = 0o2000000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL = { add: 1, remove: 2, change: 3 } as const;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;

/** Events taken at a time, and the bytes that one of them has: on x86-64 the structure is packed. */
const EVENTS = 256;
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const ID_AT = EVENT_BYTES - 8;
/** Read at a time, bytes. */
const READ_BYTES = 256 * 1024;
/**
 * When nothing has happened for so long another thread waits, ms. Until then this one does, and everything else in it, too: to
 * be woken by the other costs either of them 10 µs, which at 40,000 messages a second would be at every second one.
 */
const QUIET_MS = 0.5;
/** After so long with the sockets, everything else that the thread does has a turn, ms. */
const TURN_MS = 1;

/** What an owner of a socket does when something happens to it. */
export interface SocketOwner {
  /** So many bytes were read, to the beginning of {@linkcode Epoll.bytes}, until this returns. */
  read(count: number): void;
  /** There is room for more to be sent. */
  writable(): void;
  /** The peer sends nothing more; it may still read. Nothing more is read from it. */
  ended(): void;
  /** The connection is over, and closed. */
  gone(): void;
}

/** A socket and who owns it. */
export class Watched {
  reads = true;
  writes = false;
  /** Whether the peer sends nothing more. */
  ended = false;
  /** Whether the kernel is not asked for it, as it would say again and again that the connection is broken. */
  unasked = false;

  constructor(
    /** Of the process, which may give it to another socket once this one is closed. */
    readonly fd: number,
    /** Its own: what the kernel tells of a socket may come when that is closed and its number given away. */
    readonly id: number,
    readonly owner: SocketOwner,
  ) {}

  /** What the kernel is to tell; that the connection is broken it always does. */
  get events(): number {
    return (this.reads && !this.ended ? EPOLLIN : 0) | (this.writes ? EPOLLOUT : 0);
  }
}

/**
 * TCP connections and what happens to them, in the thread that asks: a message that comes and goes costs half the CPU that it
 * does through the runtime, a wait is as precise as the kernel's timers, and nothing is left to be collected.
 *
 * Whoever has nothing else to do calls {@linkcode Epoll.wait}; who shares the thread with others calls
 * {@linkcode Epoll.serve}.
 *
 * @example
 * ```ts
 * import { Epoll } from "./epoll.ts";
 *
 * await using epoll = Epoll.open();
 * epoll?.wait(0.5); // what has happened by then has been told
 * ```
 */
export class Epoll implements AsyncDisposable {
  /** What was read last. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(READ_BYTES);
  readonly #views = new Views(this.bytes);
  readonly #libc: Libc;
  readonly #fd: number;
  /** What ends a wait in another thread. */
  readonly #alarm: number;
  readonly #watched = new Map<number, Watched>();
  readonly #events = new Uint8Array(EVENTS * EVENT_BYTES);
  readonly #view = new DataView(this.#events.buffer);
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #eventView = new DataView(this.#event.buffer);
  /** Seconds and ns, of 64 bits each; the upper halves stay 0. */
  readonly #time = new Int32Array(4);
  readonly #timeBytes = new Uint8Array(this.#time.buffer);
  #lastId = 0;
  #closed = false;
  #serving: Promise<void> | undefined;

  private constructor(libc: Libc, fd: number, alarm: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#alarm = alarm;
    this.#control(EPOLL_CTL.add, { fd: alarm, id: 0, events: EPOLLIN });
  }

  /** `undefined` where there is none: another system, a C library without it, or no permission (`--allow-ffi`). */
  static open(): Epoll | undefined {
    if (libc === undefined) return undefined;
    const { epoll_create1, eventfd, close } = libc.symbols;
    const fd = epoll_create1(EPOLL_CLOEXEC);
    const alarm = eventfd(0, EFD_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && alarm >= 0) return new Epoll(libc, fd, alarm);
    for (const opened of [fd, alarm]) if (opened >= 0) close(opened);
    return undefined; // say, no more open files
  }

  /** How many sockets there are. */
  get size(): number {
    return this.#watched.size;
  }

  /** Connects to a port of 127.0.0.1, which takes no time; `undefined` where that fails. */
  connect(port: number, owner: SocketOwner): Watched | undefined {
    const { socket, connect, setsockopt, fcntl, close } = this.#libc.symbols;
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return undefined;
    if (connect(fd, loopback(port), 16) !== 0) {
      close(fd);
      return undefined;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array(new Int32Array([1]).buffer), 4);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return this.adopt(fd, owner);
  }

  /**
   * Takes on a connected socket that does not block, which is this one's to close from now on; it is read. `undefined` where
   * that fails, and it is closed.
   */
  adopt(fd: number, owner: SocketOwner): Watched | undefined {
    const watched = new Watched(fd, ++this.#lastId, owner);
    if (!this.#control(EPOLL_CTL.add, watched)) {
      this.#libc.symbols.close(fd);
      return undefined;
    }
    this.#watched.set(watched.id, watched);
    return watched;
  }

  /**
   * Sends what there is room for of the first `length` bytes; returns their number, 0 where there is none. So it does where
   * the connection is broken, which is told.
   */
  send({ fd }: Watched, bytes: Uint8Array, length: number = bytes.length): number {
    return Math.max(
      0,
      this.#libc.symbols.send(fd, bytes as Uint8Array<ArrayBuffer>, length, MSG_NOSIGNAL),
    );
  }

  /** The first `count` bytes of what was read last. */
  read(count: number): Uint8Array<ArrayBuffer> {
    return this.#views.to(count);
  }

  /** What is to be told of a connection; that it is over always is, but not before all that came has been read. */
  watch(watched: Watched, { reads, writes }: { reads: boolean; writes: boolean }): void {
    if (watched.reads === reads && watched.writes === writes) return;
    watched.reads = reads;
    watched.writes = writes;
    if (!watched.unasked) this.#control(EPOLL_CTL.change, watched);
    else if (reads) {
      watched.unasked = false;
      this.#control(EPOLL_CTL.add, watched);
    }
  }

  /** Tells the peer that nothing more is sent, once it has what was. */
  shutdown({ fd }: Watched): void {
    this.#libc.symbols.shutdown(fd, SHUT_WR);
  }

  /** Ends a connection; nothing more is told of it. */
  close({ id, fd }: Watched): void {
    if (this.#watched.delete(id)) this.#libc.symbols.close(fd);
  }

  /** Waits until something happens, `ms` at most, and tells it; returns on how many connections something did. */
  wait(ms: number): number {
    const ns = Math.max(0, Math.round(ms * 1e6));
    this.#time[0] = Math.floor(ns / 1e9);
    this.#time[2] = ns % 1e9;
    const { epoll_pwait2 } = this.#libc.symbols;
    const count = epoll_pwait2(this.#fd, this.#events, EVENTS, this.#timeBytes, null);
    this.#tell(count);
    return count;
  }

  /**
   * Tells what happens as long as this is open, between the other things that the thread does, which wait for 1.5 ms at most.
   * While nothing happens another thread waits. What an owner throws ends the process, as in a listener of the runtime's.
   */
  serve(): void {
    this.#serving ??= this.#serve();
  }

  /** Closes all sockets, of which nothing more is told. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#libc.symbols.eventfd_write(this.#alarm, 1n);
    await this.#serving;
    for (const watched of this.#watched.values()) this.close(watched);
    for (const fd of [this.#fd, this.#alarm]) this.#libc.symbols.close(fd);
  }

  async #serve(): Promise<void> {
    while (!this.#closed) {
      this.#tell(await this.#libc.symbols.epoll_wait(this.#fd, this.#events, EVENTS, -1));
      let from = performance.now();
      while (!this.#closed && this.wait(QUIET_MS) > 0) {
        if (performance.now() - from < TURN_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        from = performance.now();
      }
    }
  }

  #tell(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      const watched = this.#watched.get(this.#view.getUint32(at + ID_AT, true));
      if (watched !== undefined) this.#happened(watched, this.#view.getUint32(at, true));
    }
  }

  #happened(watched: Watched, events: number): void {
    const { owner } = watched;
    if (events & EPOLLOUT) owner.writable();
    if (!this.#watched.has(watched.id)) return; // closed by its owner just now
    const broken = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    if (broken && !watched.reads && !watched.ended) {
      watched.unasked = true;
      this.#control(EPOLL_CTL.remove, watched);
    } else if (broken || events & EPOLLIN) this.#read(watched, broken);
  }

  #read(watched: Watched, broken: boolean): void {
    const { owner } = watched;
    const count = watched.ended
      ? 0
      : this.#libc.symbols.recv(watched.fd, this.bytes, READ_BYTES, 0);
    if (count > 0) owner.read(count);
    else if (broken) {
      this.close(watched);
      owner.gone();
    } else if (count === 0) {
      watched.ended = true;
      this.#control(EPOLL_CTL.change, watched);
      owner.ended();
    }
  }

  #control(what: number, { fd, id, events }: Pick<Watched, "fd" | "id" | "events">): boolean {
    this.#eventView.setUint32(0, events, true);
    this.#eventView.setUint32(ID_AT, id, true);
    return this.#libc.symbols.epoll_ctl(this.#fd, what, fd, this.#event) === 0;
  }
}

/** 127.0.0.1, as the kernel has it (`sockaddr_in`). */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set([127, 0, 0, 1], 4);
  return bytes;
}
