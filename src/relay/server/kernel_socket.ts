/**
 * A client's socket past the runtime.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import type { Epoll, SocketOwner, Watched } from "../../system/epoll.ts";
import type { ClientSocket } from "./client_socket.ts";

/** What the kernel had no room for. */
interface Unsent {
  bytes: Uint8Array;
  readonly written: ((error?: Error | null) => void) | undefined;
}

const UTF_8 = new TextEncoder();

/**
 * A socket of the kernel's. What is written is sent at once; what finds no room is not copied, and is sent when there is some.
 */
export class KernelSocket extends EventEmitter implements ClientSocket, SocketOwner {
  readonly #epoll: Epoll;
  #watched!: Watched;
  readonly #unsent: Unsent[] = [];
  #unsentBytes = 0;
  #take: (bytes: Uint8Array) => void = () => {};
  #paused = false;
  #ending = false;
  #destroyed = false;

  private constructor(epoll: Epoll) {
    super();
    this.#epoll = epoll;
  }

  /** Takes on a connected socket that does not block; `undefined` where the system has no room for it. */
  static adopt(epoll: Epoll, fd: number): KernelSocket | undefined {
    const socket = new KernelSocket(epoll);
    const watched = epoll.adopt(fd, socket);
    if (watched === undefined) return undefined;
    socket.#watched = watched;
    return socket;
  }

  get writableLength(): number {
    return this.#unsentBytes;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Calls `take` with what is read; the bytes are `take`'s to write over, and only until it returns. */
  onRead(take: (bytes: Uint8Array) => void): void {
    this.#take = take;
  }

  write(data: Uint8Array | string, written?: (error?: Error | null) => void): void {
    const bytes = typeof data === "string" ? UTF_8.encode(data) : data;
    if (this.#destroyed || this.#ending) return;
    const sent = this.#unsentBytes > 0 ? 0 : this.#epoll.send(this.#watched, bytes);
    if (sent === bytes.length) return;
    this.#unsent.push({ bytes: bytes.subarray(sent), written });
    this.#unsentBytes += bytes.length - sent;
    this.#watch();
  }

  pause(): void {
    this.#paused = true;
    this.#watch();
  }

  resume(): void {
    this.#paused = false;
    this.#watch();
  }

  end(): void {
    if (this.#ending || this.#destroyed) return;
    this.#ending = true;
    if (this.#unsentBytes === 0) this.#epoll.shutdown(this.#watched);
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#epoll.close(this.#watched);
    this.gone();
  }

  read(count: number): void {
    this.#take(this.#epoll.read(count));
  }

  writable(): void {
    while (this.#unsent.length > 0) {
      const first = this.#unsent[0];
      const sent = this.#epoll.send(this.#watched, first.bytes);
      this.#unsentBytes -= sent;
      if (sent < first.bytes.length) {
        first.bytes = first.bytes.subarray(sent);
        return;
      }
      this.#unsent.shift();
      first.written?.();
      if (this.#destroyed) return;
    }
    if (this.#ending) this.#epoll.shutdown(this.#watched);
    this.#watch();
  }

  ended(): void {
    this.emit("end");
  }

  gone(): void {
    this.#destroyed = true;
    this.#unsent.length = 0;
    this.#unsentBytes = 0;
    queueMicrotask(() => this.emit("close"));
  }

  #watch(): void {
    if (this.#destroyed) return;
    this.#epoll.watch(this.#watched, { reads: !this.#paused, writes: this.#unsentBytes > 0 });
  }
}
