/**
 * A relay of the plain protocol (v1) alone.
 *
 * @module
 */

import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** What such a relay says in the name of a producer that it has lost. */
const LOST =
  '{"type":"error","code":"lost","message":"the producer\'s connection ended in mid-stream"}';

/** A channel of the old relay: the messages of its last stream, and who reads it. */
interface OldChannel {
  messages: string[];
  /** Why it was closed, once it was. */
  ended?: string;
  readonly consumers: Set<WebSocket>;
}

/** A relay that takes no subprotocol and keeps every message of each channel's last stream. */
export class OldRelay implements AsyncDisposable {
  readonly #server: WebSocketServer;
  readonly #channels = new Map<string, OldChannel>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, { url }) => {
      const [, role, channel] = url!.split("/");
      socket.on("error", () => {}); // `close` follows
      if (role === "produce") this.#produce(socket, this.#channel(channel));
      else this.#consume(socket, this.#channel(channel));
    });
  }

  /** Starts one on a free port of this machine. */
  static async start(): Promise<OldRelay> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const options = { host: "127.0.0.1", port: 0, handleProtocols: () => false as const };
    const server = new WebSocketServer(options, resolve);
    await promise;
    return new OldRelay(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where clients connect, e.g. `ws://127.0.0.1:41234`. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #channel(id: string): OldChannel {
    const channel = this.#channels.get(id) ?? { messages: [], consumers: new Set() };
    this.#channels.set(id, channel);
    return channel;
  }

  #consume(socket: WebSocket, channel: OldChannel): void {
    for (const message of channel.messages) socket.send(message);
    if (channel.ended !== undefined) return socket.close(1000, channel.ended);
    channel.consumers.add(socket);
    socket.on("close", () => channel.consumers.delete(socket));
  }

  #produce(socket: WebSocket, channel: OldChannel): void {
    channel.messages = [];
    channel.ended = undefined;
    let last = "";
    const forward = (message: string) => {
      channel.messages.push(message);
      for (const consumer of channel.consumers) consumer.send(message);
    };
    socket.on("message", (data) => {
      forward(`${data}`);
      last = JSON.parse(`${data}`).type;
      if (last === "done") end(channel, "done");
    });
    socket.on("close", (code) => {
      if (channel.ended !== undefined) return;
      if (code === 1000 && last === "enc") return end(channel, "closed");
      forward(LOST);
      end(channel, "lost");
    });
  }
}

function end(channel: OldChannel, how: string): void {
  channel.ended = how;
  for (const consumer of channel.consumers) consumer.close(1000, how);
}
