/**
 * A server that stops answering.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { payloads } from "../../src/protocol/record.ts";
import { until } from "../helpers/within.ts";

/** A listening socket with one client. */
export interface UnansweringServer extends AsyncDisposable {
  readonly url: string;
  /** Resolves when the client is there. */
  readonly connected: Promise<void>;
  /** Resolves when a text message of the client matches. */
  received(pattern: RegExp): Promise<void>;
}

/** Starts a server that `never` answers, or takes part in the WebSocket `handshake` and reads, but never says another word. */
export function unansweringServer(after: "never" | "handshake"): UnansweringServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  const connections: Deno.Conn[] = [];
  let messages = "";
  const serving = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      resolve();
      serve(connection).catch(() => {}); // it ends with the test
    }
  })();

  async function serve(connection: Deno.Conn): Promise<void> {
    if (after === "never") return;
    const buffer = new Uint8Array(64 * 1024);
    const count = await connection.read(buffer);
    const request = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    await connection.write(new TextEncoder().encode(acceptance(request)));
    const decoder = new FrameDecoder({
      texts: (records) => {
        for (const payload of payloads(records)) messages += new TextDecoder().decode(payload);
      },
      binary() {},
      ping() {},
      pong() {},
      goodbye() {},
    });
    for await (const chunk of connection.readable) decoder.feed(chunk);
  }

  return {
    url: `ws://127.0.0.1:${listener.addr.port}`,
    connected,
    received: (pattern) => until(() => pattern.test(messages), `${pattern} of a client`),
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of connections) closeQuietly(connection);
    },
  };
}

function acceptance(request: string): string {
  const key = /Sec-WebSocket-Key: *(\S+)/i.exec(request)?.[1];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`;
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // its stream has closed it
  }
}
