/** `streamrelay health`: relays of both kinds, and all that is none. */

import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { RawSocket } from "../helpers/raw_socket.ts";
import { runCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { unansweringServer } from "./unanswering_server.ts";

const relay = sharedRelay([], { RELAY_SECRET: "s3cret" }, { Authorization: "Bearer s3cret" });
const HEALTHY = {
  status: "healthy",
  active_channels: 3,
  timestamp: "2025-01-01T00:00:00+00:00",
};

function health(url: string, ...args: string[]) {
  return runCli(["health", "--url", url, ...args]);
}

for (const scheme of ["ws", "http"]) {
  Deno.test(`a relay that is well is one line and exit 0, without a secret (${scheme} URL)`, async () => {
    const url = relay.url.replace("ws", scheme);
    assert.deepEqual(await health(url), {
      code: 0,
      stdout: `healthy: 0 active channels at ${relay.url}\n`,
      stderr: "",
    });
  });
}

Deno.test("a secret beside a URL with a user's name is what is shown", async () => {
  const url = relay.url.replace("://", "://user:word@");
  const { code, stdout } = await health(url, "--secret", "s3cret");
  assert.deepEqual([code, stdout.split(":")[0]], [0, "healthy"]);
});

Deno.test("the URL is that of RELAY_URL, too", async () => {
  const { code, stdout } = await runCli(["health"], { env: { RELAY_URL: relay.url } });
  assert.equal(code, 0);
  assert.match(stdout, /^healthy/);
});

Deno.test("channels are counted", async () => {
  await using own = await startRelayProcess();
  await using _consumer = await RawSocket.webSocket(own.port, "/consume/job-7");
  assert.match((await health(own.url)).stdout, /^healthy: 1 active channel at /);
});

Deno.test("--json prints the answer", async () => {
  const { code, stdout } = await health(relay.url, "--json");
  assert.equal(code, 0);
  const { status, active_channels, timestamp, live, ready, version } = JSON.parse(stdout);
  assert.deepEqual([status, active_channels, live, ready], ["healthy", 0, true, true]);
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.ok(!Number.isNaN(Date.parse(timestamp)));
});

Deno.test("--quiet prints nothing while all is well, and one line when not", async () => {
  assert.deepEqual(await health(relay.url, "--quiet"), { code: 0, stdout: "", stderr: "" });
  const { code, stdout, stderr } = await health("ws://127.0.0.1:1", "--quiet");
  assert.deepEqual([code, stdout], [4, ""]);
  assert.match(stderr, /^streamrelay: .*connection refused.*\n$/);
});

Deno.test("a Python relay, which has /health as a WebSocket only and answers HTTP with 426, is asked so", async () => {
  await using python = await webSocketRelay(JSON.stringify(HEALTHY));
  assert.deepEqual(await health(python.url), {
    code: 0,
    stdout: `healthy: 3 active channels at ${python.url}\n`,
    stderr: "",
  });
  assert.deepEqual(JSON.parse((await health(python.url, "--json")).stdout), HEALTHY);
});

Deno.test("a relay that says it is not well is exit 4", async () => {
  await using python = await webSocketRelay(JSON.stringify({ ...HEALTHY, status: "degraded" }));
  const { code, stdout, stderr } = await health(python.url);
  assert.deepEqual([code, stdout], [4, ""]);
  assert.match(stderr, /^streamrelay: .*degraded\n$/);
});

Deno.test("a relay that is shutting down is exit 4 and one line that says so, --quiet or not", async () => {
  const draining = { ...HEALTHY, status: "draining", live: true, ready: false };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json(draining, { status: 503 }),
  );
  try {
    for (const args of [[], ["--quiet"], ["--json"]]) {
      await assertUnreachable(
        `ws://127.0.0.1:${server.addr.port}`,
        /draining: it is shutting down and lets nobody in/,
        ...args,
      );
    }
  } finally {
    await server.shutdown();
  }
});

/** What a WebSocket server says that is no health. */
const NO_HEALTH = ["", "hello", "{}", '{"status":7}', "null"];

for (const text of NO_HEALTH) {
  Deno.test(`a WebSocket that says '${text}' is no relay: exit 4`, async () => {
    await using server = await webSocketRelay(text);
    await assertUnreachable(server.url, /No relay at ws:.*/);
  });
}

/** What a web server answers that is no relay, and what is said of it. */
const NO_RELAYS: Record<string, [() => Response, RegExp]> = {
  "a page": [
    () => new Response("<html>", { headers: { "Content-Type": "text/html" } }),
    /HTTP 200 instead of a WebSocket/,
  ],
  "404": [() => new Response("", { status: 404 }), /HTTP 404/],
  "503 of a proxy": [() => new Response("", { status: 503 }), /HTTP 503/],
  "JSON of something else": [() => Response.json({ ok: true }), /No relay at/],
  "broken JSON": [
    () => new Response("{", { headers: { "Content-Type": "application/json" } }),
    /No relay at/,
  ],
};

for (const [what, [answer, reason]] of Object.entries(NO_RELAYS)) {
  Deno.test(`a web server that answers ${what} is no relay: exit 4`, async () => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
    try {
      await assertUnreachable(`ws://127.0.0.1:${server.addr.port}`, reason);
    } finally {
      await server.shutdown();
    }
  });
}

Deno.test("a web server that breaks off is no relay: exit 4", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
  const server = createServer((socket) => socket.on("data", () => socket.end(head)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await assertUnreachable(`ws://127.0.0.1:${port}`, /Cannot reach a relay/);
  } finally {
    server.close();
  }
});

Deno.test("nobody there is exit 4", async () => {
  await assertUnreachable("ws://127.0.0.1:1", /Cannot reach the relay.*connection refused/);
});

Deno.test("a host that is none is exit 4", async () => {
  await assertUnreachable("ws://no-such-host.invalid", /Cannot reach the relay.*host/);
});

for (const after of ["never", "handshake"] as const) {
  Deno.test(`a server that is silent (${after}) is exit 4 after --timeout`, async () => {
    await using server = unansweringServer(after);
    await assertUnreachable(server.url, /no answer in time/, "--timeout", "0.5");
  });
}

Deno.test("what is no URL of a relay is wrong usage", async () => {
  for (const url of ["", "ftp://127.0.0.1", "ws://", "://", "ws://a b"]) {
    const { code, stdout, stderr } = await health(url);
    assert.deepEqual([code, stdout], [2, ""], url);
    assert.match(stderr, /^streamrelay: Cannot use the relay URL.*\n$/);
  }
});

async function assertUnreachable(url: string, reason: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await health(url, ...args);
  assert.deepEqual([code, stdout], [4, ""], stderr);
  assert.match(stderr, /^streamrelay: .*\n$/);
  assert.match(stderr, reason);
}

/** A server that, like the Python relay, speaks WebSocket only; it says `text` and closes. */
async function webSocketRelay(text: string) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  server.on("connection", (socket: WebSocket) => {
    socket.send(text);
    socket.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close(() => resolve());
      }),
  };
}
