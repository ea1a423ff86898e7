/** By which names a relay may be called: those of a stranger's page that has rebound its name to 127.0.0.1 are refused. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { Hosts } from "../../src/relay/server/hosts.ts";
import { runCli } from "../helpers/cli.ts";
import { exchange, HANDSHAKE, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { within } from "../helpers/within.ts";

const PROXY = "https://relay.example.org";
const EVIL = "evil.example";

const relay = sharedRelay(["--allow-origin", PROXY]);

/** The status of `GET /health` by that name, and the code and words of the error where it is one. */
async function health(port: number, host: string, headers: Record<string, string> = {}) {
  const { status, body } = await exchange(port, request("GET /health", { Host: host, ...headers }));
  return { status, error: JSON.parse(body).error };
}

const KNOWN = [
  "localhost",
  "localhost:8765",
  "LOCALHOST:8765",
  "localhost.",
  "localhost.:8765",
  "job-7.localhost",
  "127.0.0.1",
  "127.0.0.1:8765",
  "127.0.0.1:",
  "127.1",
  "0x7f000001",
  "0",
  "192.0.2.1:80",
  "[::1]",
  "[::1]:8765",
  "[::ffff:127.0.0.1]:8765",
  "[fe80::1%eth0]:8765",
  "[fe80::1%25eth0]:8765",
  "login1:8765",
  "my_workstation",
  "relay.example.org",
  "relay.example.org:8765",
  "Relay.Example.ORG.",
];

const STRANGERS = [
  EVIL,
  "evil.example:8765",
  "EVIL.EXAMPLE:80",
  "evil.example.",
  "example.",
  "relay.example.org.evil.example",
  "evil-relay.example.org",
  "localhost.evil.example",
  "evillocalhost.example",
  "127.0.0.1.evil.example",
  "127-0-0-1.evil.example",
  "evil.local",
  "localhost@evil.example",
  "evil.example@localhost",
  "localhost:8765@evil.example",
  "localhost:evil",
  "localhost evil.example",
  "localhost,evil.example",
  "localhost/evil.example",
  "evil.example#localhost",
  "evil.example\\localhost",
  "%6cocalhost",
  "::1",
  "[::1].evil.example",
  "[evil.example]",
  "[]",
  ":8765",
  ".",
];

Deno.test("addresses, localhost, names without a dot and those of --allow-origin are known", () => {
  const hosts = new Hosts({ allowOrigin: [PROXY] });
  for (const host of KNOWN) assert.equal(hosts.knows(host), true, host);
});

Deno.test("every other name may be a stranger's, and so may what is no name", () => {
  const hosts = new Hosts({ allowOrigin: [PROXY] });
  for (const host of STRANGERS) assert.equal(hosts.knows(host), false, host);
});

Deno.test("the name that the relay was told to listen on is known, and with * every name", () => {
  assert.equal(new Hosts({ own: "Node1.Cluster.example" }).knows("node1.cluster.example:1"), true);
  assert.equal(new Hosts({ own: "node1.cluster.example" }).knows(EVIL), false);
  for (const host of STRANGERS) assert.equal(new Hosts({ allowOrigin: ["*"] }).knows(host), true);
});

Deno.test("a relay without a secret answers those names, and refuses others with what to do", async () => {
  for (const host of ["localhost:1", "127.0.0.1", "[::1]:8765", "login1", "relay.example.org"]) {
    assert.equal((await health(relay.port, host)).status, 200, host);
  }
  for (const host of [EVIL, "evil.example:8765", "evil.example."]) {
    const { status, error } = await health(relay.port, host);
    assert.deepEqual([status, error.code], [403, "forbidden"], host);
    assert.match(
      error.message,
      /evil\.example\.?: give it a secret, or --allow-origin https:\/\/ev/,
    );
  }
  const { error } = await health(relay.port, "<script>alert(1)</script>.example");
  assert.doesNotMatch(error.message, /script/);
});

Deno.test("that goes for every path and every method, before anything is told or done", async () => {
  const paths = ["/", "/health", "/metrics", "/channels", "/channels/c", "/view/c", "/nope"];
  const lines = [
    ...paths.flatMap((path) => [`GET ${path}`, `HEAD ${path}`, `OPTIONS ${path}`, `POST ${path}`]),
    ...["GET /consume/c", "PUT /produce/c", "POST /produce/c", "HEAD /produce/c", "OPTIONS *"],
    ...["OPTIONS /consume/c", "GET /view-assets/view.js", "GET /overview-assets/overview.js"],
  ];
  for (const line of lines) {
    const headers = { Host: `${EVIL}:8765`, "Content-Length": "0", Connection: "close" };
    const { status, body } = await exchange(relay.port, request(line, headers));
    assert.equal(status, 403, line);
    if (!line.startsWith("HEAD")) assert.equal(JSON.parse(body).error.code, "forbidden", line);
  }
  await relay.nothingLeaks();
});

Deno.test("a WebSocket is refused before it is one, with or without an Origin that fits", async () => {
  for (const path of ["/produce/c", "/consume/c", "/health"]) {
    for (const origin of [undefined, `http://${EVIL}:8765`]) {
      const headers = { ...HANDSHAKE, Host: `${EVIL}:8765`, ...(origin && { Origin: origin }) };
      const { status, body } = await exchange(relay.port, request(`GET ${path}`, headers));
      assert.deepEqual([status, JSON.parse(body).error.code], [403, "forbidden"], path);
    }
  }
  const twice = `Host: localhost\r\nHost: ${EVIL}\r\n`;
  const text = request("GET /consume/c", HANDSHAKE).replace("Host: localhost\r\n", twice);
  assert.equal((await exchange(relay.port, text)).status, 400);
});

Deno.test("a target that holds a host of its own is judged by that, and by the header too", async () => {
  const cases: [target: string, host: string, status: number][] = [
    [`http://${EVIL}/health`, "localhost", 403],
    [`http://${EVIL}:8765/health`, "localhost:8765", 403],
    [`https://${EVIL}/health`, "localhost", 403],
    [`HTTP://EVIL.EXAMPLE/health`, "localhost", 403],
    [`http://localhost@${EVIL}/health`, "localhost", 403],
    ["http://localhost/health", EVIL, 403],
    ["http://localhost:8765/health", "localhost", 200],
    ["http://[::1]/health", "localhost", 200],
    [`//${EVIL}/health`, "localhost", 404],
    [`//${EVIL}/health`, EVIL, 403],
  ];
  for (const [target, host, status] of cases) {
    const answer = await exchange(relay.port, request(`GET ${target}`, { Host: host }));
    assert.equal(answer.status, status, `${target} at ${host}`);
    const upgrade = { ...HANDSHAKE, Host: host };
    const webSocket = await exchange(relay.port, request(`GET ${target}`, upgrade));
    assert.equal(webSocket.status, status === 403 ? 403 : 101, `${target} at ${host}`);
  }
});

Deno.test("what others say of the host is not asked", async () => {
  for (const name of ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host"]) {
    const value = (host: string) => name === "Forwarded" ? `host=${host}` : host;
    assert.equal((await health(relay.port, EVIL, { [name]: value("localhost") })).status, 403);
    assert.equal((await health(relay.port, "localhost", { [name]: value(EVIL) })).status, 200);
  }
});

Deno.test("our own clients say what the relay says", async () => {
  using server = rebound();
  const { code, stderr } = await runCli(["consume", "job-7", "--url", server.url]);
  assert.equal(code, 3);
  assert.match(stderr, /HTTP 403\): .*--allow-origin/);
});

/** A way to the relay by a stranger's name. */
function rebound() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    for await (const client of listener) {
      const own = await Deno.connect({ port: relay.port });
      const named = new TransformStream<Uint8Array, Uint8Array>({
        transform(bytes, controller) {
          const text = new TextDecoder("latin1").decode(bytes);
          controller.enqueue(new TextEncoder().encode(text.replace(/^Host:.*/im, `Host: ${EVIL}`)));
        },
      });
      void client.readable.pipeThrough(named).pipeTo(own.writable).catch(() => {});
      void own.readable.pipeTo(client.writable).catch(() => {});
    }
  };
  void serve();
  const { port } = listener.addr;
  return { url: `ws://127.0.0.1:${port}`, [Symbol.dispose]: () => listener.close() };
}

Deno.test("HTTP/1.0 without a Host is answered: no page can ask so", async () => {
  const { status } = await exchange(relay.port, "GET /health HTTP/1.0\r\n\r\n");
  assert.equal(status, 200);
  const named = `GET /health HTTP/1.0\r\nHost: ${EVIL}\r\n\r\n`;
  assert.equal((await exchange(relay.port, named)).status, 403);
});

Deno.test("the refusal is in the log, and counted", async () => {
  await health(relay.port, EVIL);
  assert.match(relay.stderr(), /\[WRN\].*refused: .* does not answer to evil\.example: give it/);
  const { body } = await exchange(relay.port, request("GET /metrics", { Host: "localhost" }));
  assert.match(body, /^streamrelay_refusals_total\{reason="forbidden"\} [1-9]/m);
});

Deno.test("a relay with a secret, one that all reach, and one with --allow-origin * answer to any name", async () => {
  await using secret = await startRelayProcess([], { RELAY_SECRET: "s3cret" });
  await using open = await startRelayProcess(["--allow-origin", "*"]);
  await using shared = await startRelay({ port: 0, host: "0.0.0.0" });
  for (const { port } of [secret, open, shared]) {
    assert.equal((await health(port, EVIL)).status, 200);
    const headers = { ...HANDSHAKE, Host: EVIL };
    assert.equal((await exchange(port, request("GET /consume/c", headers))).status, 101);
  }
});

Deno.test("a relay on localhost by that name, or on another loopback address, refuses strangers too", async () => {
  for (const host of ["localhost", "127.0.0.2"]) {
    await using own = await startRelay({ port: 0, host });
    using client = await Deno.connect({ hostname: host, port: own.port });
    await client.write(new TextEncoder().encode(request("GET /health", { Host: EVIL })));
    const head = new Uint8Array(12);
    await within(client.read(head), "an answer");
    assert.equal(new TextDecoder().decode(head), "HTTP/1.1 403", host);
    const response = await fetch(`http://${host}:${own.port}/health`);
    assert.equal((await response.json()).status, "healthy");
  }
});
