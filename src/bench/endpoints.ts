/**
 * The ends of a channel, whatever carries it: what the load is made with.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { Epoll } from "../system/epoll.ts";
import type { Transport } from "./result.ts";

/** Where the relay is, and what it is told. */
export interface EndpointOptions {
  readonly url: string;
  readonly secret?: string;
  /** Bytes of each content. */
  readonly size: number;
  /** Only for {@linkcode clientEndpoints}. */
  readonly encryptionKey?: string;
  /** For WebSockets to this machine, which cost less by it. */
  readonly epoll?: Epoll;
}

/** Sends the contents of one channel. */
export interface Sender {
  /** Sends a content, which is copied; false where too much waits for the relay already, and it was not taken. */
  send(content: Uint8Array): boolean;
  /** Says that all is done. Resolves when the relay has confirmed it; rejects where it did not. */
  end(): Promise<void>;
  /** Lets go, without a word. */
  close(): void;
}

/** What happens to a {@linkcode Sender}. */
export interface SenderEvents {
  /** The connection was lost; called once, and not after the end. */
  lost(error: RelayError): void;
}

/** Receives the contents of one channel. */
export interface Receiver {
  /** Reads no more until {@linkcode Receiver.resume}; what has been read already may still come. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** What happens to a {@linkcode Receiver}. */
export interface ReceiverEvents {
  /** A content is at `from` to `to` of `bytes`, which are valid until this returns. */
  content(bytes: Uint8Array, from: number, to: number): void;
  /** The relay says that all messages before number `next` are gone. */
  gap(next: number): void;
  /** The stream has ended: by `done`, or by the error. Called once; nothing follows. */
  ended(error?: RelayError): void;
}

/** How channels are opened; both resolve when the relay has let the client in, as far as the transport can tell. */
export interface Endpoints {
  sender(channel: string, events: SenderEvents): Promise<Sender>;
  receiver(channel: string, events: ReceiverEvents): Promise<Receiver>;
  /** Lets go of what channels have in common. */
  close(): void;
}

/** Bytes that wait for one channel at which its sender takes no more: the relay does not keep up. */
export const WAITING_BYTES = 64 * 1024 * 1024;

/**
 * The endpoints of a transport.
 *
 * @throws {RelayError} `usage` for a URL that is none.
 */
export async function endpointsOf(
  transport: Transport,
  options: EndpointOptions,
): Promise<Endpoints> {
  if (options.encryptionKey !== undefined) {
    return (await import("./client_endpoints.ts")).clientEndpoints(options);
  }
  switch (transport) {
    case "ws1":
      return (await import("./ws1.ts")).ws1Endpoints(options);
    case "ws2":
      return (await import("./ws2.ts")).ws2Endpoints(options);
    case "http":
      return (await import("./http.ts")).httpEndpoints(options);
    case "sse":
      return (await import("./sse.ts")).sseEndpoints(options);
  }
}
