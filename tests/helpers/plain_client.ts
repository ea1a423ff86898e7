/**
 * Clients of the plain protocol (version 1) that know nothing of ours: what the Python package does, without Python.
 *
 * @module
 */

import { WebSocket } from "ws";
import { within } from "./within.ts";

/** What a plain reader was given. */
export interface PlainReading {
  /** The messages, as they came. */
  readonly texts: readonly string[];
  /** Close code of the relay; 1006 where the connection was cut. */
  readonly code: number;
}

/** Reads a channel until the connection ends. */
export async function readPlain(url: string, channel: string): Promise<PlainReading> {
  const socket = new WebSocket(`${url}/consume/${channel}`);
  const texts: string[] = [];
  socket.on("message", (data) => texts.push(String(data)));
  const code = await within(closed(socket), `the end of ${channel}`, 60_000);
  return { texts, code };
}

/** A plain producer: it sends, and ends for good with its connection. */
export class PlainWriter implements Disposable {
  /** Resolves to the close code when the connection is over. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = closed(socket);
  }

  /** Connects; where that fails, {@linkcode PlainWriter.closed} tells. */
  static async open(url: string, channel: string): Promise<PlainWriter> {
    const writer = new PlainWriter(new WebSocket(`${url}/produce/${channel}`));
    await Promise.race([
      new Promise((resolve) => writer.#socket.once("open", resolve)),
      writer.closed,
    ]);
    return writer;
  }

  /** Sends a message, or nothing where the connection is over. */
  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Says goodbye; resolves to the close code. */
  async end(): Promise<number> {
    this.#socket.close(1000);
    return await within(this.closed, "the relay's goodbye");
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

function closed(socket: WebSocket): Promise<number> {
  socket.on("error", () => {}); // `close` follows
  return new Promise((resolve) => socket.once("close", resolve));
}
