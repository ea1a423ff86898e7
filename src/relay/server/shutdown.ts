/**
 * How a relay ends.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Time that clients have to take their goodbye, ms. */
const DRAIN_TIMEOUT_MS = 5_000;

/** What is there to be ended. */
export interface Ending {
  readonly server: Server;
  /** Every TCP connection that the runtime has, whatever it has become: none may outlive the relay. */
  readonly sockets: ReadonlySet<Socket>;
  /** Ends all others now. */
  readonly cut: () => void;
  /** Lets nobody in any more and says goodbye to those who are; resolves when they have left. */
  readonly drain: () => Promise<unknown>;
}

/**
 * Resolves once everybody has left, or was cut off after 5 s. While there is anybody the server listens on, so that who
 * comes is told that the relay is about to go: a load balancer would take a closed port for a crash.
 */
export async function shutDown({ server, sockets, cut, drain }: Ending): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const close = () => {
    if (!server.listening) return;
    server.close(() => resolve());
    server.closeIdleConnections();
    // to the server, one that never asked for anything is not idle
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  const killer = setTimeout(() => {
    close();
    for (const socket of sockets) socket.destroy();
    cut();
  }, DRAIN_TIMEOUT_MS);
  await Promise.race([drain(), closed]);
  close();
  await closed;
  clearTimeout(killer);
}
