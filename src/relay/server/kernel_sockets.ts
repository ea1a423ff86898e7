/**
 * Takes sockets out of the runtime's hands.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Epoll } from "../../system/epoll.ts";
import { KernelSocket } from "./kernel_socket.ts";

/** What the runtime has to hand a socket on to another process. */
interface Handle {
  /** A number of its own for the socket, which is closed by whoever asked; negative where there is none. */
  fdForIpc(): number;
  readStop(): void;
}

/**
 * The sockets of a relay that are read and written past the runtime. A message that comes and goes costs a quarter less of the
 * CPU so, and waits for nothing but those before it (docs/performance.md, "What was done for it").
 */
export class KernelSockets implements AsyncDisposable {
  readonly #service: Service;
  readonly #sockets = new Set<KernelSocket>();
  #closed = false;

  private constructor(service: Service) {
    this.#service = service;
  }

  /** `undefined` where that cannot be had, see {@linkcode Epoll.open}. */
  static open(): KernelSockets | undefined {
    const opened = service ?? serve();
    if (opened === undefined) return undefined;
    service = opened;
    opened.users++;
    return new KernelSockets(opened);
  }

  /** How many there are. */
  get size(): number {
    return this.#sockets.size;
  }

  /**
   * Reads and writes the connection of `socket` from now on; the runtime does neither, and what is left of `socket` is to be
   * destroyed. `undefined` where it stays with the runtime: with TLS, where something is under way in it, where the runtime
   * does not let go of it.
   */
  takeOver(socket: Socket): KernelSocket | undefined {
    if ("encrypted" in socket || socket.readableLength > 0 || socket.writableLength > 0) {
      return undefined;
    }
    const { _handle: handle } = socket as Socket & { _handle?: Partial<Handle> | null };
    if (typeof handle?.fdForIpc !== "function" || typeof handle.readStop !== "function") {
      return undefined;
    }
    const fd = handle.fdForIpc();
    if (!(fd >= 0)) return undefined;
    const taken = KernelSocket.adopt(this.#service.epoll, fd);
    if (taken === undefined) return undefined;
    handle.readStop();
    this.#sockets.add(taken);
    taken.on("close", () => this.#sockets.delete(taken));
    return taken;
  }

  /** Destroys those that are left; resolves when nothing of it remains. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
    if (--this.#service.users > 0) return;
    if (service === this.#service) service = undefined;
    await this.#service.epoll[Symbol.asyncDispose]();
  }
}

/** What is waited with, for all relays of the process: one that is idle has a thread of the runtime's few wait for it. */
interface Service {
  readonly epoll: Epoll;
  users: number;
}

let service: Service | undefined;

function serve(): Service | undefined {
  const epoll = Epoll.open();
  epoll?.serve();
  return epoll && { epoll, users: 0 };
}
