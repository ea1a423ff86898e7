/**
 * Serves the page in front of what only speaks WebSocket, such as a relay that attacks its streams.
 *
 * @module
 */

import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { viewAnswer } from "../../src/relay/server/view_routes.ts";

/** A server that runs; leaving its `await using` block cuts what is open. */
export interface ViewServer extends AsyncDisposable {
  /** Where clients connect. */
  readonly url: string;
}

/** Starts one on a free port of this machine; WebSockets are passed on to port `target`. */
export async function startViewServer(target: number): Promise<ViewServer> {
  const sockets = new Set<Socket>();
  const server = createServer(({ url, method }, response) => {
    const answer = viewAnswer(new URL(url!, "http://page").pathname, method);
    response.writeHead(answer?.status ?? 404, answer?.headers).end(answer?.body);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => sockets.delete(socket));
  });
  server.on(
    "upgrade",
    (request: IncomingMessage, socket: Duplex) => passOn(request, socket, target),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The page's origin is this server, of which the one behind it knows nothing: so that header stays here. */
function passOn({ method, url, rawHeaders }: IncomingMessage, client: Duplex, port: number): void {
  const relay = connect(port, "127.0.0.1");
  const headers = rawHeaders.flatMap((name, i) =>
    i % 2 === 0 && !/^origin$/i.test(name) ? [`${name}: ${rawHeaders[i + 1]}`] : []
  );
  relay.write(`${[`${method} ${url} HTTP/1.1`, ...headers].join("\r\n")}\r\n\r\n`);
  relay.on("error", () => {}); // `close` follows
  relay.on("close", () => client.destroy());
  client.on("close", () => relay.destroy());
  relay.pipe(client);
  client.pipe(relay);
}
