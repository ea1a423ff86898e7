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
  readonly #epoll: Epoll;

  private constructor(epoll: Epoll) {
    this.#epoll = epoll;
  }

  /** `undefined` where that cannot be had, see {@linkcode Epoll.open}. */
  static open(): KernelSockets | undefined {
    const epoll = Epoll.open();
    if (epoll === undefined) return undefined;
    epoll.serve();
    return new KernelSockets(epoll);
  }

  /** How many there are. */
  get size(): number {
    return this.#epoll.size;
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
    const taken = KernelSocket.adopt(this.#epoll, fd);
    if (taken !== undefined) handle.readStop();
    return taken;
  }

  /** Closes all, of which nothing more is told. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#epoll[Symbol.asyncDispose]();
  }
}
