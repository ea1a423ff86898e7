import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { KernelSockets } from "../../src/relay/server/kernel_sockets.ts";
import type { KernelSocket } from "../../src/relay/server/kernel_socket.ts";
import { startRelay } from "../../src/relay/server/start_relay.ts";
import { clientClose, clientFrame, concat } from "../helpers/client_frames.ts";
import { HANDSHAKE, request } from "../helpers/raw_socket.ts";
import { temporaryDirectory } from "../e2e/shell.ts";
import { runCli, spawnProcess } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { until, within } from "../helpers/within.ts";

const options = { ignore: Deno.build.os !== "linux" };
const MAIN = new URL("../../main.ts", import.meta.url).href;
const UPGRADE = request("GET /produce/c", HANDSHAKE);

/** A server that takes over what is upgraded, and a client of it. */
async function takenOver(clientFirst = UPGRADE) {
  const kernel = KernelSockets.open();
  assert.ok(kernel !== undefined);
  const server: Server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { promise, resolve } = Promise.withResolvers<{ taken?: KernelSocket; head: Uint8Array }>();
  server.on("upgrade", (_request, socket, head) => {
    const taken = kernel.takeOver(socket as Socket);
    resolve({ taken, head });
    socket.destroy();
  });
  const client = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  client.on("error", () => {});
  client.write(clientFirst);
  const { taken, head } = await within(promise, "the upgrade");
  // where this fails the runtime has changed, and each message costs a quarter more: docs/performance.md
  assert.ok(taken !== undefined);
  const dispose = async () => {
    client.destroy();
    await kernel[Symbol.asyncDispose]();
    await new Promise((resolve) => server.close(resolve));
  };
  return { kernel, client, taken, head, [Symbol.asyncDispose]: dispose };
}

/** What is read until the peer says no more. */
function readAll(socket: KernelSocket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  socket.onRead((bytes) => text += new TextDecoder().decode(bytes));
  socket.on("end", () => resolve(text));
  return promise;
}

Deno.test(
  "what comes and goes after the upgrade passes by the runtime, to the end of both sides",
  options,
  async () => {
    await using pair = await takenOver(`${UPGRADE}head`);
    const { client, taken, head, kernel } = pair;
    const reading = readAll(taken);
    const closed = new Promise<void>((resolve) => taken.on("close", () => resolve()));
    let heard = "";
    client.on("data", (chunk) => heard += chunk);
    client.end(" and more");
    assert.equal(
      new TextDecoder().decode(head) + await within(reading, "the end"),
      "head and more",
    );
    assert.equal(kernel.size, 1);
    taken.write("an answer");
    taken.end();
    await within(Promise.all([closed, once(client, "end")]), "the close");
    assert.equal(heard, "an answer");
    assert.deepEqual([taken.destroyed, kernel.size], [true, 0]);
  },
);

Deno.test(
  "what finds no room is sent when there is some, in order, and its writer called then",
  options,
  async () => {
    await using pair = await takenOver();
    const { client, taken } = pair;
    client.pause();
    const pieces = Array.from({ length: 200 }, (_, i) => new Uint8Array(65_536).fill(i));
    const written: number[] = [];
    pieces.forEach((piece, i) => {
      const before = taken.writableLength;
      taken.write(piece, () => written.push(i));
      assert.ok(before === 0 || taken.writableLength === before + piece.length);
    });
    assert.ok(taken.writableLength > 0);
    taken.end();
    let at = 0;
    let wrong = 0;
    client.on("data", (chunk: Buffer) => {
      for (const byte of chunk) if (byte !== at++ >> 16) wrong++;
    });
    const ended = once(client, "end");
    client.resume();
    await within(ended, "the end");
    assert.deepEqual([at, wrong, taken.writableLength], [200 * 65_536, 0, 0]);
    assert.deepEqual(written, [...written].sort((a, b) => a - b));
    assert.equal(written.at(-1), 199);
  },
);

Deno.test(
  "a socket that is destroyed is closed to its peer, and nothing more is read",
  options,
  async () => {
    await using pair = await takenOver();
    const { client, taken } = pair;
    taken.onRead(() => assert.fail("read"));
    const closed = new Promise<void>((resolve) => taken.on("close", () => resolve()));
    client.on("end", () => client.end());
    client.resume();
    taken.destroy();
    client.write("late");
    await within(Promise.all([closed, once(client, "close")]), "the close");
    taken.write("nobody there");
    taken.end();
    assert.equal(taken.writableLength, 0);
  },
);

Deno.test(
  "a socket with TLS stays with the runtime",
  options,
  async () => {
    await using kernel = KernelSockets.open();
    const tls = new TLSSocket(new Socket());
    assert.equal(kernel?.takeOver(tls), undefined);
    tls.destroy();
  },
);

Deno.test("whenever a client's first frames come, none is lost on the way out of the runtime's hands", async () => {
  await using relay = await startRelay({ port: 0 });
  const channels = Array.from({ length: 300 }, (_, k) => k);
  await Promise.all(channels.map(async (k) => {
    const texts = Array.from({ length: 20 }, (_, i) => `${k}.${i} `);
    const frames = texts.map((content) => clientFrame(JSON.stringify({ type: "token", content })));
    const all = concat(
      new TextEncoder().encode(
        request(`GET /produce/c${k}`, HANDSHAKE),
      ),
      ...frames,
      clientFrame('{"type":"done"}'),
      clientClose(1000),
    );
    const client = connect({ port: relay.port, noDelay: true });
    client.on("error", () => {});
    client.resume();
    await once(client, "connect");
    // the request whole, and cut at any place behind it, each piece as soon as the one before has gone
    for (let at = 0, size = 170 + k; at < all.length; at += size, size = 1 + k * 7 % 400) {
      await new Promise<void>((resolve) =>
        client.write(all.subarray(at, at + size), () => resolve())
      );
    }
    const response = await fetch(`http://127.0.0.1:${relay.port}/consume/c${k}`);
    assert.equal(await within(response.text(), `channel ${k}`), texts.join(""));
    client.destroy();
  }));
});

Deno.test("a relay leaves no socket open, however its clients go", options, async () => {
  await using relay = await startRelayProcess();
  const open = () => Array.from(Deno.readDirSync(`/proc/${relay.pid}/fd`)).length;
  const before = open();
  for (let round = 0; round < 3; round++) {
    const clients = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const client = connect(relay.port);
      client.on("error", () => {});
      client.write(request(`GET /consume/c${i}`, HANDSHAKE));
      await once(client, "data");
      return client;
    }));
    clients.forEach((client, i) => {
      if (i % 4 === 0) client.resetAndDestroy();
      else if (i % 4 === 1) client.end(clientClose(1000));
      else if (i % 4 === 2) client.end();
      else client.destroy();
    });
    await Promise.all(clients.map((client) => client.closed || once(client, "close")));
  }
  await until(() => open() <= before, "the sockets of the relay closed");
});

/** Run by itself: it ends only when nothing of the relay is left. */
const CANNOT_LISTEN = `
  import { startRelay } from "${new URL("../../src/relay/server/start_relay.ts", import.meta.url)}";
  const relay = await startRelay({ port: 0 });
  await startRelay({ port: relay.port }).catch(({ code }) => console.log(code));
  await relay.stop();
`;

Deno.test("a relay that cannot listen leaves nothing behind that would keep its process", async () => {
  using directory = temporaryDirectory();
  const file = directory.file("cannot_listen.ts");
  Deno.writeTextFileSync(file, CANNOT_LISTEN);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "-A", "--no-check", "--config", config, file];
  await using process = spawnProcess(Deno.execPath(), args);
  const { code, stdout } = await process.finished;
  assert.deepEqual([code, stdout], [0, "usage\n"]);
});

Deno.test("many relays in one process leave it the threads that it needs for files", async () => {
  const relays = await Promise.all(Array.from({ length: 40 }, () => startRelay({ port: 0 })));
  assert.match(await within(Deno.readTextFile(new URL(MAIN)), "a file"), /streamrelay/);
  const [first, ...others] = relays;
  await first.stop();
  const { port } = others[0];
  const client = connect(port);
  client.write(request("GET /health", HANDSHAKE));
  const [answer] = await within(once(client, "data"), "an answer of another relay");
  assert.match(String(answer), /^HTTP\/1.1 101 /);
  client.destroy();
  await Promise.all(others.map((relay) => relay.stop()));
});

Deno.test("without the permission for it the runtime's sockets do the same", async () => {
  const args = ["run", "--quiet", "-A", "--deny-ffi", MAIN, "relay", "--host", "127.0.0.1"];
  await using relay = spawnProcess(Deno.execPath(), [...args, "--port", "0"]);
  const [, url] = await relay.waitForStderr(/(ws:\/\/\S+)\s/);
  const channel = ["--url", url, "--channel", "no-ffi"];
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("");
  const [produced, consumed] = await Promise.all([
    runCli(["produce", ...channel], { stdin: lines }),
    runCli(["consume", ...channel]),
  ]);
  assert.deepEqual([produced.code, consumed.code, consumed.stdout === lines], [0, 0, true]);
});
