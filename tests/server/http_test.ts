/** What a relay answers to HTTP, and to handshakes that are none. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { clientFrame } from "../helpers/client_frames.ts";
import { exchange, HANDSHAKE, RawSocket, request } from "../helpers/raw_socket.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const HOST = { Host: "localhost" };

const relay = sharedRelay();

/** A request, the status of its answer, and what else is to be said of it. */
interface Case {
  name: string;
  text: string;
  status: number;
  /** Code of the JSON error in the body. */
  code?: string;
  headers?: Record<string, string>;
}

const { "Sec-WebSocket-Key": _, ...keyless } = HANDSHAKE;
const CASES: Case[] = [
  {
    name: "GET of a producer's path without an upgrade is answered 426",
    text: request("GET /produce/job-7", HOST),
    status: 426,
    code: "bad_request",
    headers: { upgrade: "websocket" },
  },
  {
    name: "a path that is none is answered 404",
    text: request("GET /nope", HOST),
    status: 404,
    code: "bad_path",
  },
  {
    name: "a path that is no URL is answered 404",
    text: request("GET //[", HOST),
    status: 404,
    code: "bad_path",
  },
  {
    name: "POST /health is answered 405 with what is allowed",
    text: request("POST /health", { ...HOST, "Content-Length": "2" }, "{}"),
    status: 405,
    code: "bad_request",
    headers: { allow: "GET, HEAD, OPTIONS" },
  },
  {
    name: "a line that is no HTTP is answered 400",
    text: "\x16\x03\x01 hello\r\n\r\n",
    status: 400,
  },
  {
    name: "an upgrade to another protocol is answered 400",
    text: request("GET /consume/job-7", { ...HANDSHAKE, Upgrade: "h2c" }),
    status: 400,
    code: "bad_request",
  },
  {
    name: "another version of WebSocket is answered 426 with the one that is spoken",
    text: request("GET /consume/job-7", { ...HANDSHAKE, "Sec-WebSocket-Version": "8" }),
    status: 426,
    code: "bad_request",
    headers: { "sec-websocket-version": "13" },
  },
  {
    name: "a handshake whose key is not 16 bytes is answered 400",
    text: request("GET /consume/job-7", { ...HANDSHAKE, "Sec-WebSocket-Key": "c2hvcnQ=" }),
    status: 400,
    code: "bad_request",
  },
  {
    name: "a handshake without a key is answered 400",
    text: request("GET /consume/job-7", keyless),
    status: 400,
    code: "bad_request",
  },
  {
    name: "a handshake by POST is answered 405",
    text: request("POST /produce/job-7", HANDSHAKE),
    status: 405,
    code: "bad_request",
  },
];

for (const { name, text, status, code, headers = {} } of CASES) {
  Deno.test(name, async () => {
    const answer = await exchange(relay.port, text);
    assert.equal(answer.status, status, answer.body);
    if (code !== undefined) {
      assert.equal(answer.headers.get("content-type"), "application/json");
      assert.equal(JSON.parse(answer.body).error.code, code);
    }
    for (const [header, value] of Object.entries(headers)) {
      assert.equal(answer.headers.get(header), value);
    }
    await relay.nothingLeaks();
  });
}

Deno.test("GET /health tells status, channels and time, and is not to be stored", async () => {
  const { status, headers, body } = await exchange(relay.port, request("GET /health", HOST));
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("cache-control"), "no-store");
  const { timestamp, ...rest } = JSON.parse(body);
  assert.deepEqual([rest.status, rest.active_channels], ["healthy", 0]);
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000, timestamp);
});

Deno.test("HEAD /health is answered like GET, without a body", async () => {
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("HEAD /health", { ...HOST, Connection: "close" }));
  const { status, headers, body } = await socket.response();
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(body, "");
  assert.ok(await socket.ended());
});

Deno.test("/health as a WebSocket sends the same JSON and closes", async () => {
  await using socket = await RawSocket.webSocket(relay.port, "/health");
  const { texts: [text, ...more], close } = await socket.messages();
  assert.equal(JSON.parse(text).status, "healthy");
  assert.deepEqual(more, []);
  assert.equal(close.code, 1000);
  socket.close();
  await relay.nothingLeaks();
});

Deno.test("the answer to a handshake proves that its key was read", async () => {
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("GET /consume/job-7", HANDSHAKE));
  const { status, headers } = await socket.response();
  assert.equal(status, 101);
  // the example of RFC 6455 §1.3
  assert.equal(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("64 kB of headers are refused before they are all read", async () => {
  await using socket = await RawSocket.connect(relay.port);
  const bomb = { ...HANDSHAKE, "X-Bomb": "x".repeat(64 * 1024) };
  await socket.write(request("GET /consume/job-7", bomb));
  const { status } = await socket.response();
  assert.equal(status, 431);
  socket.close();
  await relay.nothingLeaks();
});

Deno.test("five thousand small headers are refused before they are all read", async () => {
  const many = Array.from({ length: 5_000 }, (_, i) => [`X-${i}`, "1"]);
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("GET /consume/job-7", Object.fromEntries(many)));
  const { status } = await socket.response();
  assert.equal(status, 431);
  socket.close();
  await relay.nothingLeaks();
});

Deno.test("clients that break off in the middle of an answer end nothing but their own connection", async () => {
  await using other = await RawSocket.webSocket(relay.port, `/consume/${crypto.randomUUID()}`);
  const faults = [
    "CONNECT x HTTP/1.1",
    "GET / HTTP/9",
    "OPTIONS * HTTP/1.1",
    "GET /health HTTP/1.1",
  ];
  for (const fault of [...faults, ...faults, ...faults]) {
    const socket = connect(relay.port, "127.0.0.1");
    socket.on("error", () => {});
    await new Promise<void>((resolve) => {
      socket.write(`${fault}\r\nHost: localhost\r\n\r\n`);
      socket.once("data", () => socket.resetAndDestroy());
      socket.once("close", () => resolve());
    });
  }
  const answer = await exchange(relay.port, request("GET /health", HOST));
  assert.equal(answer.status, 200, relay.stderr());
  await other.write(clientFrame("", { opcode: 9 }));
  assert.equal((await other.frame())?.opcode, 10);
});
