/** Connections that cannot be made, or are not wanted any more: within their time, and with nothing left behind. */

import assert from "node:assert/strict";
import { Connection } from "../../src/client/connection.ts";
import { spawnProcess } from "../helpers/cli.ts";
import { within } from "../helpers/within.ts";

const CONNECTION = new URL("../../src/client/connection.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Lets `fn` leave neither timers nor sockets behind. */
function tidyTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

/** A server that answers whoever connects with `answer`, and no further; disposing of it ends all connections. */
function startServer(answer: (client: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serve();

  async function serve(): Promise<void> {
    const answers: Promise<void>[] = [];
    for await (const client of listener) answers.push(serveOne(client));
    await Promise.all(answers);
  }

  async function serveOne(client: Deno.Conn): Promise<void> {
    try {
      await answer(client);
      while (await client.read(new Uint8Array(1024)) !== null);
    } catch {
      // the client has cut it, which is what some tests are about
    } finally {
      client.close();
    }
  }

  return {
    url: new URL(`ws://127.0.0.1:${listener.addr.port}`),
    async [Symbol.asyncDispose]() {
      listener.close();
      await within(serving, "all clients to leave");
    },
  };
}

const write = (client: Deno.Conn, text: string) => client.write(new TextEncoder().encode(text));

tidyTest("a server that answers by HTTP is told of, and left", async () => {
  await using server = startServer(async (client) => {
    await write(client, "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nnot all of it");
  });
  const opening = Connection.open(server.url);
  await assert.rejects(within(opening, "the failure"), {
    code: "unreachable",
    message: /HTTP 503/,
  });
});

tidyTest("the time to connect is that of the whole answer, not of its next byte", async () => {
  await using server = startServer(async (client) => {
    await write(client, "HTTP/1.1 101 Switching Protocols\r\nX: ");
    for (;;) {
      await write(client, "a");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  const opening = Connection.open(server.url, { connectTimeoutMs: 200 });
  await assert.rejects(within(opening, "the time limit"), {
    code: "unreachable",
    message: /no answer in time/,
  });
});

tidyTest("an aborted attempt ends at once, however early it was aborted", async () => {
  await using server = startServer(async () => {});
  const abort = new AbortController();
  const opening = Connection.open(server.url, { signal: abort.signal });
  abort.abort(new Error("not wanted"));
  await assert.rejects(within(opening, "the end of the attempt"), { message: "not wanted" });
});

Deno.test("a proxy that never answers is left when the time to connect has passed", async () => {
  await using proxy = startServer(async () => {});
  const script = `
    import { Connection } from ${JSON.stringify(CONNECTION)};
    const url = new URL("ws://192.0.2.1");
    await Connection.open(url, { connectTimeoutMs: 200 }).catch(({ message }) => console.log(message));
  `;
  await using client = spawnProcess(Deno.execPath(), ["eval", `--config=${CONFIG}`, script], {
    env: { HTTP_PROXY: proxy.url.href.replace("ws:", "http:"), NO_PROXY: "" },
    timeoutMs: 20_000,
  });
  const { code, stdout } = await client.finished; // nothing keeps it
  assert.equal(code, 0);
  assert.match(stdout, /^Cannot reach .* through the proxy .*: no answer in time\n$/);
});

tidyTest("a goodbye is answered however much was on its way", async () => {
  const sent = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      for (let mib = 0; mib < 8; mib++) socket.send(new Uint8Array(1024 * 1024));
      sent.resolve();
    };
    return response;
  });
  const connection = await Connection.open(new URL(`ws://127.0.0.1:${server.addr.port}`));
  await sent.promise;
  await connection.receive(); // no more of it
  const { code } = await connection.close();
  await server.shutdown();
  assert.equal(code, 1000); // 1006: it was cut
});
